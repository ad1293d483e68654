/** The convolution of one sample: slabs of the source against packed weights, panel by panel. */
import type { Triple } from "../../types.ts";
import type { Heap, Take } from "../heap.ts";
import { panelChannels, tileVoxels } from "../kernels/convolution.ts";
import type { PackedWeights } from "./packing.ts";
import { forEachSlab, type Reach, type Slab, type Source } from "./slab.ts";

/** Where the result goes: voxel (d, h, w) is `address` + d·step[0] + h·step[1] + w·step[2] bytes, channels contiguous. */
export interface Target {
  readonly address: number;
  readonly size: Triple;
  readonly step: Triple;
  readonly channels: number;
}

/** target = source * weights for one sample. */
export function convolve(
  heap: Heap,
  take: Take,
  source: Source,
  weights: PackedWeights,
  target: Target,
  reach: Reach,
): void {
  const { taps } = reach, plane = target.size[1] * target.size[2];
  const full = target.channels % panelChannels === 0;
  let tables: VoxelTables | undefined;
  forEachSlab(heap, take, source, target.size, reach, (slab, first, count) => {
    // the first slab is the largest
    const taken = (tables ??= {
      inputs: take(4 * (count * plane + tileVoxels)),
      outputs: take(4 * (count * plane + tileVoxels)),
      taps: tapTable(heap, take, taps, slab, source.channels),
      narrow: full ? 0 : take(4 * panelChannels * count * plane),
      spill: take(4 * panelChannels),
    });
    const blocks = fillInputTable(heap, taken, slab, source.channels, reach.stride, target, count);
    for (let panel = 0; panel < weights.panels; panel++) {
      const lanes = Math.min(panelChannels, target.channels - panel * panelChannels);
      const narrow = lanes < panelChannels;
      fillOutputTable(heap, taken, target, first, count, panel, narrow);
      const packed = weights.address + panel * weights.panelBytes;
      const run = taps[2] * source.channels;
      heap.kernels.convolvePanel(blocks, taken.inputs, taken.outputs, taken.taps, taps[0] * taps[1], run, packed);
      if (narrow) copyNarrow(heap, taken, target, first, count, panel, lanes);
    }
  });
}

/** Addresses of tables in scratch space. */
interface VoxelTables {
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
  /** Dense [voxels, 8] result of a panel that is not full. */
  readonly narrow: number;
  /** Where the unused rows of the last tile go. */
  readonly spill: number;
}

/** Addresses in the slab of the first tap of each output voxel; returns the number of tiles. */
function fillInputTable(
  heap: Heap,
  tables: VoxelTables,
  slab: Slab,
  channels: number,
  stride: Triple,
  { size: [, height, width] }: Target,
  planes: number,
): number {
  const words = heap.i32;
  let next = tables.inputs / 4;
  for (let d = 0; d < planes; d++) {
    for (let h = 0; h < height; h++) {
      let address = slab.address + 4 * channels * slab.width * (d * stride[0] * slab.height + h * stride[1]);
      for (let w = 0; w < width; w++, address += 4 * channels * stride[2]) words[next++] = address;
    }
  }
  const voxels = planes * height * width, blocks = Math.ceil(voxels / tileVoxels);
  words.fill(words[next - 1]!, next, tables.inputs / 4 + blocks * tileVoxels);
  return blocks;
}

/** Addresses where each voxel's 8 channels of `panel` go. */
function fillOutputTable(
  heap: Heap,
  tables: VoxelTables,
  { address, size: [, height, width], step }: Target,
  first: number,
  planes: number,
  panel: number,
  narrow: boolean,
): void {
  const words = heap.i32, voxels = planes * height * width;
  const start = tables.outputs / 4, panelBytes = 4 * panelChannels;
  if (narrow) {
    for (let voxel = 0; voxel < voxels; voxel++) words[start + voxel] = tables.narrow + voxel * panelBytes;
  } else {
    let next = start;
    for (let d = first; d < first + planes; d++) {
      for (let h = 0; h < height; h++) {
        let voxel = address + d * step[0] + h * step[1] + panel * panelBytes;
        for (let w = 0; w < width; w++, voxel += step[2]) words[next++] = voxel;
      }
    }
  }
  words.fill(tables.spill, start + voxels, start + Math.ceil(voxels / tileVoxels) * tileVoxels);
}

/** Copies the valid channels of a panel that is not full to their voxels. */
function copyNarrow(
  heap: Heap,
  { narrow }: VoxelTables,
  { address, size: [, height, width], step }: Target,
  first: number,
  planes: number,
  panel: number,
  lanes: number,
): void {
  const values = heap.f32;
  let from = narrow / 4;
  for (let d = first; d < first + planes; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, from += panelChannels) {
        const to = (address + d * step[0] + h * step[1] + w * step[2]) / 4 + panel * panelChannels;
        for (let lane = 0; lane < lanes; lane++) values[to + lane] = values[from + lane]!;
      }
    }
  }
}

/** Byte offsets of the (depth, height) taps of a kernel inside a slab. */
function tapTable(heap: Heap, take: Take, [depth, height]: Triple, slab: Slab, channels: number): number {
  const table = take(4 * depth * height), words = heap.i32;
  for (let tap = 0; tap < depth * height; tap++) {
    const d = Math.floor(tap / height), h = tap % height;
    words[table / 4 + tap] = 4 * channels * slab.width * (d * slab.height + h);
  }
  return table;
}
