/** The float64 reference itself, against PyTorch's numbers and against finite differences. */
import { expect, test } from "vitest";
import {
  convOutputShape,
  referenceBatchNorm,
  referenceBatchNormGrad,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
  type Shape5,
  sizeOf,
} from "../../lib/engine/reference.ts";
import type { Conv3dGeometry } from "../../lib/engine/types.ts";
import { convolutionOracle } from "../support/convolution_oracle.ts";
import { expectClose } from "../support/engines.ts";
import { hashFill } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

const numbers = (shape: readonly number[], seed: number) =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => hashFill(i, seed));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

test.each(["tfjs.padding.stride2", "tfjs.stem_conv"])("convolution: oracle %s", (id) => {
  const { x, w, xShape, wShape, geometry, expected } = convolutionOracle(id);
  expectClose(referenceConv3d(x, xShape, w, wShape, geometry).values, expected, 1e-9, 0);
});

test("batch norm: oracle bn.train", () => {
  const { inputs, expected, tol } = oracle("bn.train");
  const { y, mean, variance } = referenceBatchNorm(inputs.x, [1], [0], { epsilon: 1e-5, relu: false });
  expectClose(y, expected.y, tol, 0);
  expectClose([0.1 * mean[0]!], expected.running_mean, tol, 0);
  expectClose([0.9 + 0.1 * variance[0]!], expected.running_var, tol, 0);
});

/** (f(v + h) − f(v − h)) / 2h for each of a few elements, against the gradient. */
function expectGradient(values: Float64Array, gradient: Float64Array, loss: () => number, step = 1e-5): void {
  for (let i = 0; i < values.length; i += Math.ceil(values.length / 12)) {
    const kept = values[i]!;
    values[i] = kept + step;
    const above = loss();
    values[i] = kept - step;
    const below = loss();
    values[i] = kept;
    expect(gradient[i]).toBeCloseTo((above - below) / (2 * step), 6);
  }
}

test.each<Conv3dGeometry>([
  { stride: [1, 1, 1], padding: [1, 1, 1] },
  { stride: [2, 2, 2], padding: [1, 1, 1] },
  { stride: [1, 2, 3], padding: [0, 2, 1] },
])("convolution gradients by finite differences: %o", (geometry) => {
  const xShape: Shape5 = [2, 4, 5, 6, 2], wShape: Shape5 = [3, 3, 3, 2, 3];
  const x = numbers(xShape, 1), w = numbers(wShape, 2);
  const dy = numbers(convOutputShape(xShape, wShape, geometry), 3);
  const loss = () => dot(referenceConv3d(x, xShape, w, wShape, geometry).values, dy);
  expectGradient(x, referenceInputGrad(dy, w, wShape, xShape, geometry), loss);
  expectGradient(w, referenceFilterGrad(x, xShape, dy, wShape, geometry), loss);
});

test.each([true, false])("batch norm gradients by finite differences, ReLU %s", (relu) => {
  const shape: Shape5 = [2, 2, 3, 3, 3], x = numbers(shape, 4), dy = numbers(shape, 5), residual = numbers(shape, 6);
  const gamma = numbers([3], 7), beta = numbers([3], 8), options = { epsilon: 1e-3, relu, residual };
  const loss = () => dot(referenceBatchNorm(x, gamma, beta, options).y, dy);
  const { dx, dGamma, dBeta, dResidual } = referenceBatchNormGrad(x, gamma, beta, dy, options);
  expectGradient(x, dx, loss, 1e-6);
  expectGradient(gamma, dGamma, loss, 1e-6);
  expectGradient(beta, dBeta, loss, 1e-6);
  expectGradient(residual, dResidual, loss, 1e-6);
});
