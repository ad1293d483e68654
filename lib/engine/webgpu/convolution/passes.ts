/** The three passes of a convolution on a GPU. */
import { type ConvolutionSizes, triple, volume } from "../../convolution/sizes.ts";
import { type Phase, phasesOf } from "../../convolution/phases.ts";
import type { Triple } from "../../types.ts";
import type { Binding } from "../gpu.ts";
import { type Device, gather } from "./gather.ts";
import { packKernel, packSide } from "./helper_kernels.ts";
import { ceilDivide, uniforms } from "./slabs.ts";
import type { Tile } from "./tile.ts";

export { filterGradient } from "./filter.ts";

const ones: Triple = [1, 1, 1], zeros: Triple = [0, 0, 0];

/** y [N, D', H', W', out] = x [N, D, H, W, in] * w [kD, kH, kW, in, out] */
export function forward(
  gpu: Device,
  sizes: ConvolutionSizes,
  { x, w, y }: { x: Binding; w: Binding; y: Binding },
  tile: Tile,
): void {
  const { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const direct = outputChannels % 4 === 0;
  const packed = direct ? undefined : pack(gpu, w, {
    kernel,
    taps: kernel,
    first: zeros,
    next: ones,
    rows: inputChannels,
    columns: outputChannels,
    transposed: false,
  });
  gather(gpu, {
    label: "conv3d",
    samples: batch,
    source: { binding: x, size: input, channels: inputChannels },
    weights: packed?.binding ?? w,
    target: { binding: y, size: output, channels: outputChannels, spacing: ones, offset: zeros },
    grid: output,
    taps: kernel,
    stride,
    origin: triple((axis) => -padding[axis]),
  }, tile);
  packed?.release();
}

/** dx [N, D, H, W, in] from dy and w: input voxels with the same remainder modulo the stride are one convolution of dy. */
export function inputGradient(
  gpu: Device,
  sizes: ConvolutionSizes,
  { dy, w, dx }: { dy: Binding; w: Binding; dx: Binding },
  tile: Tile,
): void {
  const { input, kernel, stride, padding } = sizes;
  const [depth, height, width] = triple3((axis) => phasesOf(input[axis], kernel[axis], stride[axis], padding[axis]));
  depth.forEach((d, i) =>
    height.forEach((h, j) =>
      width.forEach((v, k) =>
        inputGradientPhase(gpu, sizes, { dy, w, dx }, { phases: [d, h, v], offset: [i, j, k] }, tile)
      )
    )
  );
}

const triple3 = <T>(of: (axis: 0 | 1 | 2) => T): [T, T, T] => [of(0), of(1), of(2)];

function inputGradientPhase(
  gpu: Device,
  sizes: ConvolutionSizes,
  { dy, w, dx }: { dy: Binding; w: Binding; dx: Binding },
  { phases, offset }: { phases: readonly [Phase, Phase, Phase]; offset: Triple },
  tile: Tile,
): void {
  const { batch, input, output, kernel, stride, inputChannels, outputChannels } = sizes;
  const grid = triple((axis) => phases[axis].length), taps = triple((axis) => phases[axis].taps.length);
  const reached = volume(taps) > 0;
  const packed = pack(gpu, w, {
    kernel,
    taps: reached ? taps : ones, // a phase that no tap reaches becomes zeros; a binding may not be empty
    first: triple((axis) => phases[axis].taps[0] ?? 0),
    next: triple((axis) => -stride[axis]),
    rows: outputChannels,
    columns: inputChannels,
    transposed: true,
  });
  gather(gpu, {
    label: "conv3dInputGrad",
    samples: batch,
    source: { binding: dy, size: output, channels: outputChannels },
    weights: packed.binding,
    target: { binding: dx, size: input, channels: inputChannels, spacing: stride, offset },
    grid,
    taps: reached ? taps : zeros,
    stride: ones,
    origin: triple((axis) => phases[axis].origin),
  }, tile);
  packed.release();
}

interface Packing {
  readonly kernel: Triple;
  /** Chosen taps: first, first + next, … along each axis. */
  readonly taps: Triple;
  readonly first: Triple;
  readonly next: Triple;
  /** Channels that are summed over, and those of the result. */
  readonly rows: number;
  readonly columns: number;
  /** Rows are the weights' output channels. */
  readonly transposed: boolean;
}

function pack(gpu: Device, weights: Binding, { kernel, taps, first, next, rows, columns, transposed }: Packing) {
  const width = 4 * ceilDivide(columns, 4);
  const packed = gpu.scratch(4 * volume(taps) * rows * width);
  gpu.run({
    label: "conv3d weights",
    code: packKernel,
    inputs: [weights],
    outputs: [packed.binding],
    uniforms: uniforms([...taps, rows], [...first, columns], [...next, transposed ? 1 : 0], [...kernel, width]),
    workgroups: [ceilDivide(width, packSide), ceilDivide(rows, packSide), volume(taps)],
  });
  return packed;
}
