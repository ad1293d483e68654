/**
 * 3-D convolution and its gradient with respect to the input, on the kernels of `../kernels/convolution.ts`. Both are
 * the same computation: at stride s the input gradient falls into s³ phases (input voxels with the same remainder modulo
 * the stride), each a convolution of dy at stride 1 with the taps that reach that phase, mirrored.
 */
import type { Heap } from "../heap.ts";
import { convolve } from "./convolve.ts";
import { packRows, packTransposed } from "./packing.ts";
import { type Phase, phasesOf } from "../../convolution/phases.ts";
import { axes, type ConvolutionSizes, denseSteps, triple, volume } from "../../convolution/sizes.ts";
import type { Reach } from "./slab.ts";

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

/** dx from dy and w (all byte addresses). */
export function convolveInputGradient(heap: Heap, sizes: ConvolutionSizes, dy: number, w: number, dx: number): void {
  const { batch, input, kernel, stride, padding, inputChannels } = sizes;
  const phases = axes.map((axis) => phasesOf(input[axis], kernel[axis], stride[axis], padding[axis]));
  const unreached = phases.some((ofAxis) => ofAxis.some(({ taps }) => taps.length === 0));
  if (unreached) heap.f32.fill(0, dx / 4, dx / 4 + batch * volume(input) * inputChannels);
  phases[0]!.forEach((d, depth) =>
    phases[1]!.forEach((h, height) =>
      phases[2]!.forEach((v, width) => {
        const step = denseSteps(input, inputChannels);
        const offset = depth * step[0] + height * step[1] + width * step[2];
        inputGradientPhase(heap, sizes, [d, h, v], { dy, w, dx: dx + offset });
      })
    )
  );
}

/** The input voxels of one phase; `dx` is the address of the first of them. */
function inputGradientPhase(
  heap: Heap,
  sizes: ConvolutionSizes,
  phases: readonly [Phase, Phase, Phase],
  { dy, w, dx }: { dy: number; w: number; dx: number },
): void {
  const { batch, input, output, stride, inputChannels, outputChannels } = sizes;
  const size = triple((axis) => phases[axis].length), taps = triple((axis) => phases[axis].taps.length);
  if (volume(size) === 0 || volume(taps) === 0) return;
  const step = denseSteps(input, inputChannels), sampleBytes = 4 * volume(output) * outputChannels;
  const reach: Reach = { taps, stride: [1, 1, 1], origin: triple((axis) => phases[axis].origin) };
  heap.withScratch((take) => {
    const weights = packTransposed(heap, take, w, sizes, phases);
    for (let sample = 0; sample < batch; sample++) {
      const source = { address: dy + sample * sampleBytes, size: output, channels: outputChannels };
      const target = {
        address: dx + 4 * sample * volume(input) * inputChannels,
        size,
        step: triple((axis) => step[axis] * stride[axis]),
        channels: inputChannels,
      };
      heap.withScratch((inner) => convolve(heap, inner, source, weights, target, reach));
    }
  });
}
