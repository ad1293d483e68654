/**
 * Plain float64 loops for what the engines compute fast: what the self-test and the tests compare with. Layouts as in
 * `types.ts`: volumes [N, D, H, W, C], kernels [kD, kH, kW, in, out], all in C order.
 */
import type { AdamWConstants, Conv3dGeometry, Triple } from "./types.ts";

export type Shape5 = readonly [number, number, number, number, number];
type Numbers = ArrayLike<number>;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** D' = ⌊(D + 2·pad − kD)/stride⌋ + 1, and so for H and W. */
export function convOutputShape(x: Shape5, w: Shape5, { stride, padding }: Conv3dGeometry): Shape5 {
  const length = (axis: 0 | 1 | 2) => Math.floor((x[axis + 1]! + 2 * padding[axis] - w[axis]) / stride[axis]) + 1;
  return [x[0], length(0), length(1), length(2), w[4]];
}

/** Calls `visit(x offset, w offset, y offset)` (in voxels, channels left out) for every product of a convolution. */
function forEachTap(
  x: Shape5,
  w: Shape5,
  y: Shape5,
  { stride, padding }: Conv3dGeometry,
  visit: (xVoxel: number, tap: number, yVoxel: number) => void,
): void {
  const taps: Triple[] = [];
  for (let d = 0; d < w[0]; d++) for (let h = 0; h < w[1]; h++) for (let v = 0; v < w[2]; v++) taps.push([d, h, v]);
  for (let yVoxel = 0; yVoxel < y[0] * y[1] * y[2] * y[3]; yVoxel++) {
    const column = yVoxel % y[3], row = Math.floor(yVoxel / y[3]) % y[2];
    const plane = Math.floor(yVoxel / (y[3] * y[2])) % y[1], sample = Math.floor(yVoxel / (y[3] * y[2] * y[1]));
    taps.forEach(([td, th, tw], tap) => {
      const d = plane * stride[0] + td - padding[0];
      const h = row * stride[1] + th - padding[1];
      const v = column * stride[2] + tw - padding[2];
      if (d < 0 || d >= x[1] || h < 0 || h >= x[2] || v < 0 || v >= x[3]) return;
      visit(((sample * x[1] + d) * x[2] + h) * x[3] + v, tap, yVoxel);
    });
  }
}

/** y = x * w. */
export function referenceConv3d(x: Numbers, xShape: Shape5, w: Numbers, wShape: Shape5, geometry: Conv3dGeometry) {
  const shape = convOutputShape(xShape, wShape, geometry);
  const [, , , inputs, outputs] = wShape;
  const values = new Float64Array(sizeOf(shape));
  forEachTap(xShape, wShape, shape, geometry, (xVoxel, tap, yVoxel) => {
    for (let i = 0; i < inputs; i++) {
      const value = x[xVoxel * inputs + i]!;
      for (let o = 0; o < outputs; o++) values[yVoxel * outputs + o]! += value * w[(tap * inputs + i) * outputs + o]!;
    }
  });
  return { values, shape };
}

/** dL/dx from dL/dy. */
export function referenceInputGrad(
  dy: Numbers,
  w: Numbers,
  wShape: Shape5,
  xShape: Shape5,
  geometry: Conv3dGeometry,
): Float64Array {
  const [, , , inputs, outputs] = wShape;
  const dx = new Float64Array(sizeOf(xShape));
  forEachTap(xShape, wShape, convOutputShape(xShape, wShape, geometry), geometry, (xVoxel, tap, yVoxel) => {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let o = 0; o < outputs; o++) sum += dy[yVoxel * outputs + o]! * w[(tap * inputs + i) * outputs + o]!;
      dx[xVoxel * inputs + i]! += sum;
    }
  });
  return dx;
}

/** dL/dw from dL/dy. */
export function referenceFilterGrad(
  x: Numbers,
  xShape: Shape5,
  dy: Numbers,
  wShape: Shape5,
  geometry: Conv3dGeometry,
): Float64Array {
  const [, , , inputs, outputs] = wShape;
  const dw = new Float64Array(sizeOf(wShape));
  forEachTap(xShape, wShape, convOutputShape(xShape, wShape, geometry), geometry, (xVoxel, tap, yVoxel) => {
    for (let i = 0; i < inputs; i++) {
      const value = x[xVoxel * inputs + i]!;
      for (let o = 0; o < outputs; o++) dw[(tap * inputs + i) * outputs + o]! += value * dy[yVoxel * outputs + o]!;
    }
  });
  return dw;
}

export interface ReferenceBatchNormOptions {
  readonly epsilon: number;
  readonly relu: boolean;
  readonly residual?: Numbers;
}

/** Training-mode batch normalisation over all but the last axis; `variance` is unbiased (n − 1), `y` uses the biased. */
export function referenceBatchNorm(
  x: Numbers,
  gamma: Numbers,
  beta: Numbers,
  { epsilon, relu, residual }: ReferenceBatchNormOptions,
) {
  const channels = gamma.length, count = x.length / channels;
  const mean = new Float64Array(channels), biased = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) mean[i % channels]! += x[i]! / count;
  for (let i = 0; i < x.length; i++) biased[i % channels]! += (x[i]! - mean[i % channels]!) ** 2 / count;
  const y = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    const sum = (x[i]! - mean[c]!) / Math.sqrt(biased[c]! + epsilon) * gamma[c]! + beta[c]! + (residual?.[i] ?? 0);
    y[i] = relu ? Math.max(sum, 0) : sum;
  }
  const variance = biased.map((value) => count > 1 ? value * count / (count - 1) : value);
  return { y, mean, biased, variance };
}

/** Gradients of `referenceBatchNorm` with respect to x, γ, β and the residual (Ioffe & Szegedy 2015, section 3). */
export function referenceBatchNormGrad(
  x: Numbers,
  gamma: Numbers,
  beta: Numbers,
  dy: Numbers,
  options: ReferenceBatchNormOptions,
) {
  const channels = gamma.length, count = x.length / channels;
  const { y, mean, biased } = referenceBatchNorm(x, gamma, beta, options);
  const dGamma = new Float64Array(channels), dBeta = new Float64Array(channels);
  const dResidual = new Float64Array(x.length), dx = new Float64Array(x.length);
  const normalised = (i: number, c: number) => (x[i]! - mean[c]!) / Math.sqrt(biased[c]! + options.epsilon);
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    dResidual[i] = options.relu && y[i]! <= 0 ? 0 : dy[i]!;
    dBeta[c]! += dResidual[i]!;
    dGamma[c]! += dResidual[i]! * normalised(i, c);
  }
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    const centred = dResidual[i]! - dBeta[c]! / count - normalised(i, c) * dGamma[c]! / count;
    dx[i] = gamma[c]! / Math.sqrt(biased[c]! + options.epsilon) * centred;
  }
  return { dx, dGamma, dBeta, dResidual };
}

/** One AdamW step (Loshchilov & Hutter 2019, algorithm 2, with the constants gathered as in `AdamWConstants`). */
export function referenceAdamW(
  { value, average, square }: Record<"value" | "average" | "square", Numbers>,
  gradient: Numbers,
  { momentum, squareMomentum, rate, epsilon, decay }: AdamWConstants,
) {
  const at = (next: (g: number, i: number) => number) =>
    Float64Array.from({ length: gradient.length }, (_, i) => next(gradient[i]!, i));
  const newAverage = at((g, i) => momentum * average[i]! + (1 - momentum) * g);
  const newSquare = at((g, i) => squareMomentum * square[i]! + (1 - squareMomentum) * g * g);
  const newValue = at((_, i) => decay * value[i]! - rate * newAverage[i]! / (Math.sqrt(newSquare[i]!) + epsilon));
  return { value: newValue, average: newAverage, square: newSquare };
}
