/** Zero-padded copies of a few planes of a volume, in which every tap of a kernel finds a value. */
import type { Triple } from "../../types.ts";
import type { Heap, Take } from "../heap.ts";
import { axes, triple } from "../../convolution/sizes.ts";

/** Most of a zero-padded slab, in bytes; one output plane's worth is taken in any case. */
const slabBytes = 4 * 2 ** 20;

/** A dense volume [D, H, W, C] of one sample at a byte address. */
export interface Source {
  readonly address: number;
  readonly size: Triple;
  readonly channels: number;
}

/** How kernel taps meet the source: tap t of output voxel o reads source[o·stride + origin + t] along each axis. */
export interface Reach {
  readonly taps: Triple;
  readonly stride: Triple;
  readonly origin: Triple;
}

/** Source planes [first, first + planes) of the padded volume, whole in height and width. */
export interface Slab {
  readonly address: number;
  /** Rows and columns with their padding. */
  readonly height: number;
  readonly width: number;
}

/** Copies planes of the source, counted with padding, into `slab` with zeros around them. */
function fillSlab(heap: Heap, source: Source, slab: Slab, firstPlane: number, planes: number, origin: Triple): void {
  const values = heap.f32, { size: [depth, height, width], channels } = source;
  const slabStart = slab.address / 4, rowLength = slab.width * channels;
  const firstColumn = Math.max(0, origin[2]), lastColumn = Math.min(width, slab.width + origin[2]);
  values.fill(0, slabStart, slabStart + planes * slab.height * rowLength);
  if (lastColumn <= firstColumn) return;
  for (let plane = 0; plane < planes; plane++) {
    const d = firstPlane + plane + origin[0];
    if (d < 0 || d >= depth) continue;
    for (let h = Math.max(0, origin[1]); h < Math.min(height, slab.height + origin[1]); h++) {
      const from = source.address / 4 + ((d * height + h) * width + firstColumn) * channels;
      const to = slabStart + (plane * slab.height + h - origin[1]) * rowLength + (firstColumn - origin[2]) * channels;
      values.copyWithin(to, from, from + (lastColumn - firstColumn) * channels);
    }
  }
}

/** Calls `visit` for slabs of the padded source that cover the output planes [first, first + count). */
export function forEachSlab(
  heap: Heap,
  take: Take,
  source: Source,
  outputSize: Triple,
  { taps, stride, origin }: Reach,
  visit: (slab: Slab, first: number, count: number) => void,
): void {
  const extent = triple((axis) => (outputSize[axis] - 1) * stride[axis] + taps[axis]);
  const planeBytes = 4 * extent[1] * extent[2] * source.channels;
  const inPlace = axes.every((axis) => origin[axis] === 0) && extent[1] <= source.size[1] &&
    extent[2] <= source.size[2];
  if (inPlace && source.size[0] >= extent[0]) {
    visit({ address: source.address, height: source.size[1], width: source.size[2] }, 0, outputSize[0]);
    return;
  }
  const fitting = Math.floor((slabBytes / planeBytes - taps[0]) / stride[0]) + 1;
  const step = Math.min(outputSize[0], Math.max(1, fitting));
  const slab = { address: take(planeBytes * ((step - 1) * stride[0] + taps[0])), height: extent[1], width: extent[2] };
  for (let first = 0; first < outputSize[0]; first += step) {
    const count = Math.min(step, outputSize[0] - first);
    fillSlab(heap, source, slab, first * stride[0], (count - 1) * stride[0] + taps[0], origin);
    visit(slab, first, count);
  }
}
