/** The gradient of a convolution with respect to its weights: dw[tap] = Σ over voxels of x[voxel + tap] ⊗ dy[voxel]. */
import type { Heap } from "../heap.ts";
import { panelChannels, tileRun } from "../kernels/convolution.ts";
import { packRows } from "./packing.ts";
import { type ConvolutionSizes, triple, volume } from "../../convolution/sizes.ts";
import { forEachSlab, type Slab } from "./slab.ts";

/** Voxels whose values meet in one call of the kernel: both factors should stay in the first-level cache. */
const chunkFloats = 4096;

/** dw from x and dy (all byte addresses). */
export function convolveFilterGradient(heap: Heap, sizes: ConvolutionSizes, x: number, dy: number, dw: number): void {
  const { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const run = kernel[2] * inputChannels, groups = Math.ceil(run / tileRun);
  const panels = Math.ceil(outputChannels / panelChannels), width = panels * panelChannels;
  const dense = run % tileRun === 0 && outputChannels % panelChannels === 0;
  const reach = { taps: kernel, stride, origin: triple((axis) => -padding[axis]) };
  heap.withScratch((take) => {
    const rows = groups * tileRun, taps = kernel[0] * kernel[1];
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
