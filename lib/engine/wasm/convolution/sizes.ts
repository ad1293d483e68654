/** The numbers that describe a convolution. */
import type { Triple } from "../../types.ts";

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
