/**
 * A coarse map over the network's input and its way back to the scan's own slices: trilinear, through the inverse of
 * the coordinates that preprocessing used. One slice at a time, so that no second scan-sized volume is held.
 */
import { undistort } from "../../data/distortion.ts";
import { cropSide, type LungCrop } from "../../data/lung_crop/crop.ts";
import type { Recipe } from "../../data/size.ts";

/** Values at cells; cell (i, j, k) is centred on input voxel origin + (i, j, k)·stride. */
export interface GridMap {
  /** [depth, height, width], C order. */
  readonly values: Float32Array;
  readonly shape: readonly [depth: number, height: number, width: number];
  /** Input voxels from cell to cell. */
  readonly stride: readonly [depth: number, height: number, width: number];
  /** Input voxel of the first cell. */
  readonly origin: readonly [depth: number, height: number, width: number];
}

/** Number and size of a scan's slices. */
export type ScanShape = readonly [slices: number, height: number, width: number];

/** For each slice, row and column of a scan the (fractional) place in a grid; NaN where the network saw nothing. */
export interface GridPlaces {
  readonly depth: Float64Array;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

/**
 * Where a scan's voxels lie in a grid. Slice s of n was input plane s/(n − 1)·(D − 1) (knots linspace(0, 1)); pixel x of
 * W₀ had its centre at input column (x + ½)·W/W₀ − ½. Of a lung crop's box every axis is like that of pixels. Places
 * beyond the outermost cells are moved to them; outside of a box there is no place.
 */
export function gridPlaces(
  map: GridMap,
  [slices, height, width]: ScanShape,
  { size, distortion }: Recipe,
  crop?: LungCrop,
): GridPlaces {
  const along = (count: number, axis: 0 | 1 | 2, inputAt: (index: number) => number) =>
    Float64Array.from({ length: count }, (_, index) => {
      const place = (inputAt(index) - map.origin[axis]) / map.stride[axis];
      return Math.min(map.shape[axis] - 1, Math.max(0, place)); // NaN stays NaN
    });
  if (crop !== undefined) {
    const { start, end } = crop.box, kept = keptSlices(slices, crop);
    return {
      depth: along(slices, 0, (index) => boxed(kept[index]!, start.depth, end.depth, size.depth)),
      rows: along(height, 1, (y) => boxed(resized(y, height, cropSide), start.height, end.height, size.height)),
      columns: along(width, 2, (x) => boxed(resized(x, width, cropSide), start.width, end.width, size.width)),
    };
  }
  const pixel = (index: number, from: number, to: number) => pixelOf(index, from, to, distortion);
  return {
    depth: along(slices, 0, (index) => planeOf(index, slices, size.depth, distortion)),
    rows: along(height, 1, (index) => pixel(index, height, size.height)),
    columns: along(width, 2, (index) => pixel(index, width, size.width)),
  };
}

/** Number of each slice among those that a lung crop keeps; NaN for a blank one. */
function keptSlices(slices: number, { dropped }: LungCrop): number[] {
  let kept = 0;
  return Array.from({ length: slices }, (_, index) => dropped.includes(index) ? NaN : kept++);
}

/** Sample `index` of an axis, in samples of the box start … end − 1 resized to `to`. */
function boxed(index: number, start: number, end: number, to: number): number {
  return index < start - 0.5 || index > end - 0.5 ? NaN : resized(index - start, end - start, to);
}

/** Centre to centre: sample `index` of `from`, in samples of `to`. */
function resized(index: number, from: number, to: number): number {
  return (index + 0.5) * to / from - 0.5;
}

function planeOf(slice: number, slices: number, depth: number, distortion: boolean): number {
  if (slices === 1) return (depth - 1) / 2; // one slice was repeated
  const t = -1 + 2 * slice / (slices - 1);
  return ((distortion ? undistort(t) : t) + 1) / 2 * (depth - 1);
}

function pixelOf(pixel: number, from: number, to: number, distortion: boolean): number {
  const before = distortion ? (undistort(2 * pixel / from - 1) + 1) / 2 * (from - 1) : pixel;
  return resized(before, from, to);
}

/** The map at one slice of the scan: f32 [height, width], in row-major order. */
export function mapSlice(map: GridMap, places: GridPlaces, slice: number): Float32Array {
  const [depth, rows, columns] = map.shape;
  const plane = new Float32Array(rows * columns);
  if (Number.isNaN(places.depth[slice])) return new Float32Array(places.rows.length * places.columns.length);
  const { below, above, weight } = neighbours(places.depth[slice]!, depth);
  for (let i = 0; i < plane.length; i++) {
    const low = map.values[below * plane.length + i]!, high = map.values[above * plane.length + i]!;
    plane[i] = low + (high - low) * weight;
  }
  return enlarge(plane, columns, places);
}

/** Bilinear interpolation of a plane of cells at the places of all pixels. */
function enlarge(plane: Float32Array, columns: number, places: GridPlaces): Float32Array {
  const width = places.columns.length, rows = plane.length / columns;
  const output = new Float32Array(places.rows.length * width);
  const across = Array.from(places.columns, (place) => neighbours(place, columns));
  const line = new Float32Array(columns);
  places.rows.forEach((place, y) => {
    if (Number.isNaN(place)) return;
    const { below, above, weight } = neighbours(place, rows);
    for (let i = 0; i < columns; i++) {
      const low = plane[below * columns + i]!, high = plane[above * columns + i]!;
      line[i] = low + (high - low) * weight;
    }
    for (let x = 0; x < width; x++) {
      if (Number.isNaN(places.columns[x])) continue;
      const { below, above, weight } = across[x]!, low = line[below]!;
      output[y * width + x] = low + (line[above]! - low) * weight;
    }
  });
  return output;
}

function neighbours(place: number, count: number) {
  const below = Math.min(Math.floor(place), count - 1);
  return { below, above: Math.min(below + 1, count - 1), weight: place - below };
}
