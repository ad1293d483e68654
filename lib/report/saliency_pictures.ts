/** Which slices of a scan a saliency figure shows, and their pictures. */
import { join } from "node:path";
import { readImage } from "../data/image.ts";
import type { LungCrop } from "../data/lung_crop/crop.ts";
import type { Mask } from "../data/masks.ts";
import type { Recipe } from "../data/size.ts";
import { type GridMap, gridPlaces, mapSlice } from "../evaluate/saliency/grid_map.ts";
import type { SaliencyPicture } from "./figures/saliency.ts";
import { blendHeat, dataUri } from "./heat.ts";
import { maskOutline } from "./slice_picture.ts";

export interface SaliencyPicturesOptions {
  readonly folder: string;
  /** File names of the slices that were read, in order. */
  readonly slices: readonly string[];
  readonly map: GridMap;
  readonly recipe: Recipe;
  readonly crop?: LungCrop | undefined;
  /** Lesions, for their outline. */
  readonly lesions?: Mask | undefined;
  /** Slices to show; default 5. */
  readonly count?: number;
}

/** The slices with the most heat, away from each other, in anatomical order. */
export async function saliencyPictures(options: SaliencyPicturesOptions): Promise<SaliencyPicture[]> {
  const { folder, slices, map, recipe, crop, lesions, count = 5 } = options;
  const heat = sliceHeat(map, slices.length, recipe, crop);
  const total = heat.reduce((sum, value) => sum + value, 0);
  const maximum = largest(map.values);
  return await Promise.all(
    chooseSlices(heat, count).map(async (slice) => {
      const { pixels, width, height } = await readImage(join(folder, slices[slice]!));
      const values = mapSlice(map, gridPlaces(map, [slices.length, height, width], recipe, crop), slice);
      const outline = lesions === undefined ? "" : maskOutline(lesions.plane(slice), width);
      return {
        grey: await dataUri(pixels, { width, height, channels: 1 }),
        heat: await dataUri(blendHeat(pixels, values, maximum), { width, height, channels: 3 }),
        width,
        height,
        slice,
        heatShare: total === 0 ? 0 : heat[slice]! / total,
        peak: largest(values),
        ...(outline === "" ? {} : { outline }),
      };
    }),
  );
}

export function largest(values: Float32Array): number {
  return values.reduce((top, value) => Math.max(top, value), 0);
}

/** Heat of each slice: the sum of the map's positive values there. */
function sliceHeat(map: GridMap, slices: number, recipe: Recipe, crop: LungCrop | undefined): Float64Array {
  const [, height, width] = map.shape;
  const { depth } = gridPlaces(map, [slices, 1, 1], recipe, crop);
  // One cell per pixel is enough for a sum.
  const places = {
    depth,
    rows: Float64Array.from({ length: height }, (_, i) => i),
    columns: Float64Array.from({ length: width }, (_, i) => i),
  };
  return Float64Array.from(
    { length: slices },
    (_, slice) => mapSlice(map, places, slice).reduce((sum, value) => sum + Math.max(0, value), 0),
  );
}

/** `count` slices with much heat, at least a (2·count)-th of the scan from each other; in order. */
export function chooseSlices(heat: Float64Array, count: number): number[] {
  const apart = heat.length / (2 * count), chosen: number[] = [];
  const order = Array.from(heat.keys()).sort((a, b) => heat[b]! - heat[a]! || a - b);
  for (const slice of order) {
    if (chosen.length === count) break;
    if (chosen.every((other) => Math.abs(other - slice) >= apart)) chosen.push(slice);
  }
  return chosen.sort((a, b) => a - b);
}
