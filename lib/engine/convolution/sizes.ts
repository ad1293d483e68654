/** The numbers that describe a convolution. */
import { EngineError } from "../../errors.ts";
import { convOutputShape, type Shape5 } from "../reference.ts";
import type { Conv3dGeometry, Triple } from "../types.ts";

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

/** 0 = depth, 1 = height, 2 = width. */
export const axes = [0, 1, 2] as const;
export const volume = ([d, h, w]: Triple): number => d * h * w;
export const triple = (length: (axis: 0 | 1 | 2) => number): Triple => [length(0), length(1), length(2)];

/** Bytes from one plane, row and voxel of a dense volume to the next. */
export const denseSteps = ([, height, width]: Triple, channels: number): Triple => [
  4 * channels * width * height,
  4 * channels * width,
  4 * channels,
];

/** @throws EngineError when the shapes do not go together */
export function sizesOf(x: Shape5, w: Shape5, geometry: Conv3dGeometry): ConvolutionSizes {
  const [batch, d, h, v] = convOutputShape(x, w, geometry);
  if (x[4] !== w[3] || Math.min(d, h, v) < 1) {
    throw new EngineError("engine.shape", "these shapes cannot be convolved", {
      expected: `${w[3]} channels and an extent of at least the kernel's`,
      found: `x [${x}] with kernel [${w}]`,
    });
  }
  return {
    batch,
    input: [x[1], x[2], x[3]],
    output: [d, h, v],
    kernel: [w[0], w[1], w[2]],
    inputChannels: w[3],
    outputChannels: w[4],
    ...geometry,
  };
}

/** The same for a gradient, after a look at the shape of the gradient that comes in. */
export function gradientSizes(x: Shape5, w: Shape5, dy: Shape5, geometry: Conv3dGeometry): ConvolutionSizes {
  const sizes = sizesOf(x, w, geometry), expected = [sizes.batch, ...sizes.output, sizes.outputChannels];
  if (dy.every((length, axis) => length === expected[axis])) return sizes;
  throw new EngineError("engine.shape", "the gradient has the wrong shape", {
    expected: `[${expected}]`,
    found: `[${dy}]`,
  });
}
