/**
 * 3-D convolution and both its gradients on the kernels of `kernels/convolution.ts`. Forward, and the gradient with
 * respect to the input, are the same computation: slabs of the source are copied zero-padded into scratch space and
 * convolved with packed weights. At stride s the input gradient falls into s³ phases (output voxels with the same
 * remainder modulo the stride), each a convolution at stride 1 with the taps that reach that phase.
 */
import type { Triple } from "../types.ts";
import type { Heap, Take } from "./heap.ts";
import { panelChannels, tileRows } from "./kernels/convolution.ts";

/** Sizes of a convolution; padding before each axis (what follows after is given by the output's size). */
export interface ConvolutionSizes {
  readonly batch: number;
  /** Depth, height, width. */
  readonly input: Triple;
  readonly output: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/** Most of a zero-padded slab, in bytes; one output plane's worth is taken in any case. */
const slabBytes = 4 * 2 ** 20;
const axes = [0, 1, 2] as const;
const volume = ([d, h, w]: Triple) => d * h * w;
const triple = (length: (axis: 0 | 1 | 2) => number): Triple => [length(0), length(1), length(2)];

/** A dense volume [D, H, W, C] of one sample at a byte address. */
interface Source {
  readonly address: number;
  readonly size: Triple;
  readonly channels: number;
}

/** Where the result goes: voxel (d, h, w) is `address` + d·step[0] + h·step[1] + w·step[2] bytes, channels contiguous. */
interface Target {
  readonly address: number;
  readonly size: Triple;
  readonly step: Triple;
  readonly channels: number;
}

/** How kernel taps meet the source: tap t of output voxel o reads source[o·stride + origin + t] along each axis. */
interface Reach {
  readonly taps: Triple;
  readonly stride: Triple;
  readonly origin: Triple;
}

/** Source planes [first, first + planes) of the padded volume, whole in height and width. */
interface Slab {
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
function forEachSlab(
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

/** Byte offsets of the (depth, height) taps of a kernel inside a slab. */
function tapTable(heap: Heap, take: Take, [depth, height]: Triple, slab: Slab, channels: number): number {
  const table = take(4 * depth * height), words = heap.i32;
  for (let tap = 0; tap < depth * height; tap++) {
    const d = Math.floor(tap / height), h = tap % height;
    words[table / 4 + tap] = 4 * channels * slab.width * (d * slab.height + h);
  }
  return table;
}

/** Weights in panels of 8 channels: [panel][depth tap · height tap][width tap · source channel][8]. */
interface PackedWeights {
  readonly address: number;
  readonly panels: number;
  readonly panelBytes: number;
}

/** target = source * weights for one sample. */
function convolve(heap: Heap, take: Take, source: Source, weights: PackedWeights, target: Target, reach: Reach): void {
  const { taps } = reach, plane = target.size[1] * target.size[2];
  const full = target.channels % panelChannels === 0;
  let tables: VoxelTables | undefined;
  forEachSlab(heap, take, source, target.size, reach, (slab, first, count) => {
    const taken = (tables ??= {
      inputs: take(4 * (count * plane + tileRows)),
      outputs: take(4 * (count * plane + tileRows)),
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
  const voxels = planes * height * width, blocks = Math.ceil(voxels / tileRows);
  words.fill(words[next - 1]!, next, tables.inputs / 4 + blocks * tileRows);
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
  words.fill(tables.spill, start + voxels, start + Math.ceil(voxels / tileRows) * tileRows);
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

const denseSteps = ([, height, width]: Triple, channels: number): Triple => [
  4 * channels * width * height,
  4 * channels * width,
  4 * channels,
];

/** y [N, D', H', W', out] = x [N, D, H, W, in] * w [kD, kH, kW, in, out]; arguments are byte addresses. */
export function convolveForward(heap: Heap, sizes: ConvolutionSizes, x: number, w: number, y: number): void {
  const { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const reach = { taps: kernel, stride, origin: triple((axis) => -padding[axis]) };
  heap.withScratch((take) => {
    const rows = volume(kernel) * inputChannels;
    const weights = packRows(heap, take, w, rows, outputChannels);
    for (let sample = 0; sample < batch; sample++) {
      const source = { address: x + 4 * sample * volume(input) * inputChannels, size: input, channels: inputChannels };
      const address = y + 4 * sample * volume(output) * outputChannels;
      const step = denseSteps(output, outputChannels);
      heap.withScratch((inner) =>
        convolve(heap, inner, source, weights, { address, size: output, step, channels: outputChannels }, reach)
      );
    }
  });
}

/** A dense matrix [rows, channels] as panels [panel][row][8], zero where a panel is not full. */
function packRows(heap: Heap, take: Take, source: number, rows: number, channels: number): PackedWeights {
  const panels = Math.ceil(channels / panelChannels), panelBytes = 4 * panelChannels * rows;
  const address = take(panels * panelBytes);
  for (let panel = 0; panel < panels; panel++) {
    const lanes = Math.min(panelChannels, channels - panel * panelChannels);
    const from = source + 4 * panel * panelChannels, to = address + panel * panelBytes;
    if (lanes === panelChannels) heap.kernels.packPanel(from, to, rows, 4 * channels);
    else {
      heap.f32.fill(0, to / 4, (to + panelBytes) / 4);
      heap.kernels.packLanes(from, to, rows, 4 * channels, 4, lanes);
    }
  }
  return { address, panels, panelBytes };
}

/** The taps k of one axis that reach input voxels i ≡ remainder (mod stride): i + padding − k = stride·o. */
interface Phase {
  /** In the order of the output voxels they read. */
  readonly taps: readonly number[];
  /** Output voxel that the first of them reads for the first input voxel. */
  readonly origin: number;
  /** Number of input voxels. */
  readonly length: number;
}

function phasesOf(input: number, kernel: number, stride: number, padding: number): Phase[] {
  return Array.from({ length: stride }, (_, remainder) => {
    const taps = Array.from({ length: kernel }, (_, k) => k)
      .filter((k) => (remainder + padding - k) % stride === 0).reverse();
    const origin = taps.length === 0 ? 0 : (remainder + padding - taps[0]!) / stride;
    return { taps, origin, length: Math.max(0, Math.ceil((input - remainder) / stride)) };
  });
}

/** dx from dy and w (all byte addresses). */
export function convolveInputGradient(heap: Heap, sizes: ConvolutionSizes, dy: number, w: number, dx: number): void {
  const { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const [depths, heights, widths] = triple2((axis) => phasesOf(input[axis], kernel[axis], stride[axis], padding[axis]));
  const step = denseSteps(input, inputChannels);
  const unreached = [depths, heights, widths].some((phases) => phases.some(({ taps }) => taps.length === 0));
  if (unreached) heap.f32.fill(0, dx / 4, dx / 4 + batch * volume(input) * inputChannels);
  depths.forEach((d, rd) =>
    heights.forEach((h, rh) =>
      widths.forEach((v, rw) => {
        const phases = [d, h, v] as const, size = triple((axis) => phases[axis]!.length);
        const taps = triple((axis) => phases[axis]!.taps.length);
        if (volume(size) === 0 || volume(taps) === 0) return;
        const reach: Reach = { taps, stride: [1, 1, 1], origin: [d.origin, h.origin, v.origin] };
        heap.withScratch((take) => {
          const weights = packTransposed(heap, take, w, sizes, phases);
          for (let sample = 0; sample < batch; sample++) {
            const source = {
              address: dy + 4 * sample * volume(output) * outputChannels,
              size: output,
              channels: outputChannels,
            };
            const target = {
              address: dx + 4 * sample * volume(input) * inputChannels + rd * step[0] + rh * step[1] + rw * step[2],
              size,
              step: triple((axis) => step[axis] * stride[axis]),
              channels: inputChannels,
            };
            heap.withScratch((inner) => convolve(heap, inner, source, weights, target, reach));
          }
        });
      })
    )
  );
}

function triple2<T>(item: (axis: 0 | 1 | 2) => T): readonly [T, T, T] {
  return [item(0), item(1), item(2)];
}

/** Weights of one phase with input and output channels exchanged: panels [panel of in][taps][out][8]. */
function packTransposed(
  heap: Heap,
  take: Take,
  w: number,
  { kernel, inputChannels, outputChannels }: ConvolutionSizes,
  [depths, heights, widths]: readonly [Phase, Phase, Phase],
): PackedWeights {
  const panels = Math.ceil(inputChannels / panelChannels);
  const tapBytes = 4 * panelChannels * outputChannels;
  const panelBytes = tapBytes * depths.taps.length * heights.taps.length * widths.taps.length;
  const address = take(panels * panelBytes);
  heap.f32.fill(0, address / 4, (address + panels * panelBytes) / 4);
  for (let panel = 0; panel < panels; panel++) {
    const lanes = Math.min(panelChannels, inputChannels - panel * panelChannels);
    let to = address + panel * panelBytes;
    for (const d of depths.taps) {
      for (const h of heights.taps) {
        for (const v of widths.taps) {
          const tap = (d * kernel[1] + h) * kernel[2] + v;
          const from = w + 4 * outputChannels * (tap * inputChannels + panel * panelChannels);
          heap.kernels.packLanes(from, to, outputChannels, 4, 4 * outputChannels, lanes);
          to += tapBytes;
        }
      }
    }
  }
  return { address, panels, panelBytes };
}

/** Voxels whose values meet in one call of the kernel: both factors should stay in the first-level cache. */
const chunkFloats = 4096;

/** dw from x and dy (all byte addresses). */
export function convolveFilterGradient(heap: Heap, sizes: ConvolutionSizes, x: number, dy: number, dw: number): void {
  const { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const run = kernel[2] * inputChannels, groups = Math.ceil(run / tileRows);
  const panels = Math.ceil(outputChannels / panelChannels), width = panels * panelChannels;
  const dense = run % tileRows === 0 && outputChannels % panelChannels === 0;
  const reach = { taps: kernel, stride, origin: triple((axis) => -padding[axis]) };
  heap.withScratch((take) => {
    const rows = groups * tileRows, taps = kernel[0] * kernel[1];
    const sums = dense ? dw : take(4 * taps * rows * width);
    heap.f32.fill(0, sums / 4, sums / 4 + taps * rows * width);
    for (let sample = 0; sample < batch; sample++) {
      const source = { address: x + 4 * sample * volume(input) * inputChannels, size: input, channels: inputChannels };
      const gradient = dy + 4 * sample * volume(output) * outputChannels;
      heap.withScratch((inner) =>
        forEachSlab(
          heap,
          inner,
          source,
          output,
          reach,
          (slab, first, count) =>
            accumulateSlab(heap, sizes, slab, gradient, { first, count }, { sums, rows, width, groups, panels }),
        )
      );
    }
    if (!dense) copySums(heap, sums, dw, { taps, run, rows, width, channels: outputChannels });
  });
}

/** Sums of the filter gradient: [depth tap · height tap][rows ≥ run][width ≥ out]. */
interface FilterSums {
  readonly sums: number;
  readonly rows: number;
  readonly width: number;
  readonly groups: number;
  readonly panels: number;
}

/** Adds what the output planes [first, first + count) give, a few rows at a time. */
function accumulateSlab(
  heap: Heap,
  { output, kernel, stride, inputChannels, outputChannels }: ConvolutionSizes,
  slab: Slab,
  dy: number,
  { first, count }: { first: number; count: number },
  { sums, rows, width, groups, panels }: FilterSums,
): void {
  const [, height, columns] = output;
  const perRow = columns * Math.max(inputChannels * stride[2], outputChannels);
  const chunk = Math.min(height, Math.max(1, Math.floor(chunkFloats / perRow)));
  const pixel = 4 * inputChannels, slabRow = slab.width * pixel;
  for (let plane = 0; plane < count; plane++) {
    for (let row = 0; row < height; row += chunk) {
      const chunkRows = Math.min(chunk, height - row);
      const from = dy + 4 * outputChannels * columns * ((first + plane) * height + row);
      heap.withScratch((take) => {
        const packed = packRows(heap, take, from, chunkRows * columns, outputChannels);
        for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
          const d = plane * stride[0] + Math.floor(tap / kernel[1]), h = row * stride[1] + tap % kernel[1];
          heap.kernels.filterGradient(
            slab.address + slabRow * (d * slab.height + h),
            pixel * stride[2],
            slabRow * stride[1],
            chunkRows,
            columns,
            packed.address,
            panels,
            groups,
            sums + 4 * tap * rows * width,
            4 * width,
          );
        }
      });
    }
  }
}

/** Sums → dw, leaving out the rows and channels that only fill up tiles. */
function copySums(
  heap: Heap,
  sums: number,
  dw: number,
  { taps, run, rows, width, channels }: { taps: number; run: number; rows: number; width: number; channels: number },
): void {
  const values = heap.f32;
  for (let tap = 0; tap < taps; tap++) {
    for (let row = 0; row < run; row++) {
      const from = sums / 4 + (tap * rows + row) * width, to = dw / 4 + (tap * run + row) * channels;
      values.copyWithin(to, from, from + channels);
    }
  }
}
