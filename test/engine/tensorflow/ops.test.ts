/** The kit's operations on TensorFlow against float64 loops, and their gradients against finite differences. */
import { expect, test } from "vitest";
import { dropoutMask } from "../../../lib/engine/philox.ts";
import * as reference from "../../../lib/engine/reference.ts";
import { sameMeansPadding } from "../../../lib/engine/tensorflow/conv3d.ts";
import type { Conv3dGeometry, Triple } from "../../../lib/engine/types.ts";
import { randomStream } from "../../../lib/random.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines, expectClose } from "../../support/engines.ts";

type Shape = [number, number, number, number, number];

function normal(length: number, ...label: (string | number)[]): Float32Array {
  const random = randomStream(5, ...label);
  return Float32Array.from({ length }, () => random.normal());
}

const volume = (values: Float32Array, shape: reference.Shape5) =>
  tf.tensor(values, [...shape] as Shape) as unknown as tf.Tensor5D;
const vector = (values: Float32Array) => tf.tensor1d(values);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);

const cases: readonly { name: string; size: Triple; kernel: Triple; geometry: Conv3dGeometry }[] = [
  { name: "3×3×3", size: [4, 5, 6], kernel: [3, 3, 3], geometry: { stride: [1, 1, 1], padding: [1, 1, 1] } },
  {
    name: "strided, even size",
    size: [4, 6, 8],
    kernel: [3, 3, 3],
    geometry: { stride: [2, 2, 2], padding: [1, 1, 1] },
  },
  {
    name: "strided, odd size",
    size: [5, 7, 5],
    kernel: [3, 3, 3],
    geometry: { stride: [2, 2, 2], padding: [1, 1, 1] },
  },
  { name: "stem 3×7×7", size: [3, 9, 8], kernel: [3, 7, 7], geometry: { stride: [1, 2, 2], padding: [1, 3, 3] } },
  { name: "1×1×1 strided", size: [4, 5, 6], kernel: [1, 1, 1], geometry: { stride: [2, 2, 2], padding: [0, 0, 0] } },
  { name: "1×3×3", size: [3, 4, 5], kernel: [1, 3, 3], geometry: { stride: [1, 2, 2], padding: [0, 1, 1] } },
  { name: "3×1×1", size: [5, 2, 3], kernel: [3, 1, 1], geometry: { stride: [2, 1, 1], padding: [1, 0, 0] } },
  { name: "no padding", size: [4, 5, 6], kernel: [3, 2, 3], geometry: { stride: [1, 1, 2], padding: [0, 0, 0] } },
  { name: "wide padding", size: [3, 3, 3], kernel: [3, 3, 3], geometry: { stride: [1, 2, 3], padding: [2, 2, 2] } },
  { name: "even kernel", size: [5, 5, 5], kernel: [2, 4, 2], geometry: { stride: [3, 1, 2], padding: [1, 1, 0] } },
];

test("SAME is taken exactly where it pads both sides alike", () => {
  const at = (size: Triple, kernel: Triple, stride: Triple, padding: Triple) =>
    sameMeansPadding(size, kernel, { stride, padding });
  expect(at([4, 5, 6], [3, 3, 3], [1, 1, 1], [1, 1, 1])).toBe(true);
  expect(at([5, 7, 9], [3, 3, 3], [2, 2, 2], [1, 1, 1])).toBe(true);
  expect(at([4, 7, 9], [3, 3, 3], [2, 2, 2], [1, 1, 1])).toBe(false);
  expect(at([4, 4, 4], [3, 3, 3], [1, 1, 1], [0, 0, 0])).toBe(false);
  expect(at([4, 4, 4], [2, 2, 2], [1, 1, 1], [1, 1, 1])).toBe(false);
});

describeEngines("operations", (engine) => {
  for (const { name, size, kernel, geometry } of cases) {
    test(`conv3d and its gradients: ${name}`, () => {
      const xShape: reference.Shape5 = [2, ...size, 3], wShape: reference.Shape5 = [...kernel, 3, 4];
      const x = normal(reference.sizeOf(xShape), name, "x"), w = normal(reference.sizeOf(wShape), name, "w");
      const expected = reference.referenceConv3d(x, xShape, w, wShape, geometry);
      const dy = normal(expected.values.length, name, "dy");
      tf.tidy(() => {
        const { ops } = engine(), xT = volume(x, xShape), wT = volume(w, wShape), dyT = volume(dy, expected.shape);
        const y = ops.conv3d(xT, wT, geometry);
        expect(y.shape).toEqual([...expected.shape]);
        expectClose(y.dataSync(), expected.values, 2e-5, 1e-5);
        const dx = ops.conv3dInputGrad(dyT, wT, xT.shape, geometry);
        expectClose(dx.dataSync(), reference.referenceInputGrad(dy, w, wShape, xShape, geometry), 2e-5, 1e-5);
        const dw = ops.conv3dFilterGrad(xT, dyT, wT.shape, geometry);
        expectClose(dw.dataSync(), reference.referenceFilterGrad(x, xShape, dy, wShape, geometry), 2e-5, 1e-5);
        // The convolution is linear: <dy, y(v)> is the derivative along v, exactly.
        const v = normal(x.length, name, "v");
        const along = dot(dy, reference.referenceConv3d(v, xShape, w, wShape, geometry).values);
        expect(dot(dx.dataSync(), v)).toBeCloseTo(along, 3);
      });
    });
  }

  const small: reference.Shape5 = [2, 3, 4, 5, 6], large: reference.Shape5 = [2, 9, 16, 16, 16];
  for (const relu of [false, true]) {
    for (const [withResidual, shape] of [[false, small], [true, small], [relu, large]] as const) {
      const name = `batch norm [${shape}]${withResidual ? " + residual" : ""}${relu ? " + ReLU" : ""}`;
      test(`${name}: training, gradients, inference`, () => {
        const length = reference.sizeOf(shape), channels = shape[4];
        const x = normal(length, name, "x").map((v, i) => v * (1 + i % channels / 4) + i % channels);
        const dy = normal(length, name, "dy");
        const gamma = normal(channels, name, "gamma"), beta = normal(channels, name, "beta");
        const residual = withResidual ? normal(length, name, "residual") : undefined;
        const plain = { epsilon: 1e-5, relu, ...(residual && { residual }) };
        const expected = reference.referenceBatchNorm(x, gamma, beta, plain);
        const gradients = reference.referenceBatchNormGrad(x, gamma, beta, dy, plain);
        tf.tidy(() => {
          const { ops } = engine();
          const options = { epsilon: 1e-5, relu, ...(residual && { residual: volume(residual, shape) }) };
          const arguments_ = [volume(x, shape), vector(gamma), vector(beta)] as const;
          const result = ops.batchNorm(...arguments_, options);
          expectClose(result.y.dataSync(), expected.y, 1e-5);
          expectClose(result.mean.dataSync(), expected.mean, 1e-5);
          expectClose(result.variance.dataSync(), expected.variance, 1e-5);
          const inference = ops.batchNormInference(
            ...arguments_,
            result.mean,
            vector(Float32Array.from(expected.biased)),
            options,
          );
          expectClose(inference.dataSync(), expected.y, 1e-5);
          const { dx, dGamma, dBeta, dResidual } = result.backward(volume(dy, shape));
          expectClose(dx.dataSync(), gradients.dx, 2e-5);
          expectClose(dGamma.dataSync(), gradients.dGamma, 1e-6 * length);
          expectClose(dBeta.dataSync(), gradients.dBeta, 1e-6 * length);
          expect(dResidual !== undefined).toBe(withResidual);
          if (dResidual !== undefined) expectClose(dResidual.dataSync(), gradients.dResidual);
          // Along a random direction, against a central difference of the float64 reference.
          const v = normal(length, name, "v"), h = 1e-6;
          const at = (step: number) =>
            dot(dy, reference.referenceBatchNorm(Array.from(x, (a, i) => a + step * v[i]!), gamma, beta, plain).y);
          expectClose([dot(dx.dataSync(), v)], [(at(h) - at(-h)) / (2 * h)], 1e-4 * Math.sqrt(length), 1e-3);
        });
      });
    }
  }

  test("what a gradient remembers survives a tidy, and goes with backward or release", () => {
    const { ops } = engine();
    const before = engine().memory();
    const x = volume(normal(48, "release"), [1, 2, 3, 4, 2]), ones = tf.ones([2]) as tf.Tensor1D;
    const stream = { key: [1, 2], counter: [3, 4] } as const;
    let pending: (() => void)[] = [];
    tf.tidy(() => { // frees y, mean and variance
      const normalised = ops.batchNorm(x, ones, ones, { epsilon: 1e-5, relu: true });
      const dropped = ops.dropout(x, 0.5, stream);
      pending = [() => tf.dispose({ ...normalised.backward(x) }), () => tf.dispose(dropped.backward(x))];
    });
    for (const backward of pending) backward();
    const normalised = ops.batchNorm(x, ones, ones, { epsilon: 1e-5, relu: true, residual: x });
    const dropped = ops.dropout(x, 0.5, stream);
    normalised.release();
    dropped.release();
    tf.dispose([normalised.y, normalised.mean, normalised.variance, dropped.y, x, ones]);
    const { tensors, handles } = engine().memory();
    expect({ tensors, handles }).toEqual({ tensors: before.tensors, handles: before.handles });
  });

  test("dropout draws the mask of the Philox reference, forward and backward", () => {
    const { ops } = engine();
    for (const [length, rate] of [[1, 0.5], [7, 0.1], [1001, 0.3], [5000, 0.85], [16, 0]] as const) {
      const stream = { key: [0xdeadbeef, 0x12345678], counter: [2 ** 32 - 3, 2 ** 40 + 5] } as const;
      const mask = dropoutMask(stream, rate, length), x = normal(length, "dropout", length);
      tf.tidy(() => {
        const { y, backward } = ops.dropout(vector(x), rate, stream);
        const scale = Math.fround(1 / (1 - rate));
        expectClose(y.dataSync(), Array.from(x, (v, i) => mask[i]! * v * scale));
        expectClose(backward(tf.ones([length])).dataSync(), Array.from(mask, (kept) => kept * scale));
      });
    }
    expect(() => ops.dropout(tf.ones([2]), 1, { key: [0, 0], counter: [0, 0] })).toThrow(/rate/);
  });

  test("a shape that does not fit is refused with the operator's name", () => {
    const x = volume(normal(16, "bad"), [1, 2, 2, 2, 2]), w = volume(normal(27, "bad"), [3, 3, 3, 1, 1]);
    const geometry = { stride: [1, 1, 1], padding: [1, 1, 1] } as const;
    expect(() => engine().ops.conv3d(x, w, geometry)).toThrow(/^Conv3D: /);
  });
}, ["tensorflow"]);
