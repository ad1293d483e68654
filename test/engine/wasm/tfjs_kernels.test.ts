/** Core TensorFlow.js on this backend: the kernels that we replace, and the rank-5 operations that training uses. */
import { expect, test } from "vitest";
import {
  convOutputShape,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
  type Shape5,
  sizeOf,
} from "../../../lib/engine/reference.ts";
import { relativeError } from "../../../lib/engine/self_test.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines } from "../../support/engines.ts";
import { hashFill } from "../../support/hash_fill.ts";

const numbers = (shape: readonly number[], seed: number) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * hashFill(i, seed));

describeEngines("core tf.conv3d", () => {
  test.each(
    [
      { padding: "valid", pad: 0, stride: 1 },
      { padding: "valid", pad: 0, stride: 2 },
      { padding: "same", pad: 1, stride: 1 },
    ] as const,
  )("and its gradients agree with the reference: $padding, stride $stride", ({ padding, pad, stride }) => {
    const xShape: Shape5 = [2, 5, 6, 7, 4], wShape: Shape5 = [3, 3, 3, 4, 8];
    const geometry = { stride: [stride, stride, stride], padding: [pad, pad, pad] } as const;
    const yShape = convOutputShape(xShape, wShape, geometry);
    const xs = numbers(xShape, 1), ws = numbers(wShape, 2), dys = numbers(yShape, 3);
    tf.tidy(() => {
      const x = tf.tensor5d(xs, [...xShape]), w = tf.tensor5d(ws, [...wShape]), dy = tf.tensor5d(dys, [...yShape]);
      const y = tf.conv3d(x, w, stride, padding);
      expect(relativeError(y.dataSync(), referenceConv3d(xs, xShape, ws, wShape, geometry).values)).toBeLessThan(1e-5);
      const [dx, dw] = tf.grads((x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, stride, padding))([x, w], dy);
      const expected = referenceInputGrad(dys, ws, wShape, xShape, geometry);
      expect(relativeError(dx!.dataSync(), expected)).toBeLessThan(1e-5);
      expect(relativeError(dw!.dataSync(), referenceFilterGrad(xs, xShape, dys, wShape, geometry))).toBeLessThan(1e-5);
    });
  });

  test("TensorFlow's own asymmetric padding at stride 2 is kept: nothing before, one after", () => {
    const xShape: Shape5 = [1, 4, 4, 4, 2], wShape: Shape5 = [3, 3, 3, 2, 3];
    const xs = numbers(xShape, 1), ws = numbers(wShape, 2);
    tf.tidy(() => {
      const x = tf.tensor5d(xs, [...xShape]), w = tf.tensor5d(ws, [...wShape]);
      const padded = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 1], [0, 0]]);
      const same = tf.conv3d(x, w, 2, "same"), valid = tf.conv3d(padded as tf.Tensor5D, w, 2, "valid");
      expect(relativeError(same.dataSync(), valid.dataSync())).toBeLessThan(1e-6);
    });
  });
}, ["wasm"]);

/** values[index of each element of `shape`] through a function of the five indices. */
function build(shape: Shape5, value: (n: number, d: number, h: number, w: number, c: number) => number): number[] {
  const result: number[] = [];
  for (let n = 0; n < shape[0]; n++) {
    for (let d = 0; d < shape[1]; d++) {
      for (let h = 0; h < shape[2]; h++) {
        for (let w = 0; w < shape[3]; w++) for (let c = 0; c < shape[4]; c++) result.push(value(n, d, h, w, c));
      }
    }
  }
  return result;
}

describeEngines("rank-5 operations of core TensorFlow.js", () => {
  const shape: Shape5 = [2, 3, 4, 5, 6], xs = numbers(shape, 1);
  const at = (n: number, d: number, h: number, w: number, c: number) =>
    xs[(((n * shape[1] + d) * shape[2] + h) * shape[3] + w) * shape[4] + c]!;
  const run = (operation: (x: tf.Tensor5D) => tf.Tensor) =>
    tf.tidy(() => Array.from(operation(tf.tensor5d(xs, [...shape])).dataSync()));

  test("slice", () => {
    const expected = build([1, 2, 2, 3, 4], (n, d, h, w, c) => at(n + 1, d + 1, h + 2, w + 1, c + 2));
    expect(run((x) => tf.slice(x, [1, 1, 2, 1, 2], [1, 2, 2, 3, 4]))).toEqual(expected);
  });
  test("pad", () => {
    const expected = build([2, 5, 5, 6, 6], (n, d, h, w, c) => {
      const inside = d >= 1 && d < 4 && h < 4 && w >= 1;
      return inside ? at(n, d - 1, h, w - 1, c) : 0;
    });
    expect(run((x) => tf.pad(x, [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]))).toEqual(expected);
  });
  test("reverse of the sagittal axis", () => {
    expect(run((x) => tf.reverse(x, 3))).toEqual(build(shape, (n, d, h, w, c) => at(n, d, h, 4 - w, c)));
  });
  test("transpose", () => {
    const expected = build([2, 6, 3, 4, 5], (n, c, d, h, w) => at(n, d, h, w, c));
    expect(run((x) => tf.transpose(x, [0, 4, 1, 2, 3]))).toEqual(expected);
  });
  test("mean and max over space", () => {
    const means = new Float64Array(12), maxima = new Float64Array(12).fill(-Infinity);
    build(shape, (n, d, h, w, c) => {
      means[n * 6 + c]! += at(n, d, h, w, c) / 60;
      return maxima[n * 6 + c] = Math.max(maxima[n * 6 + c]!, at(n, d, h, w, c));
    });
    expect(relativeError(run((x) => tf.mean(x, [1, 2, 3])), means)).toBeLessThan(1e-6);
    expect(run((x) => tf.max(x, [1, 2, 3]))).toEqual([...maxima]);
  });
  test("broadcasting product and sum", () => {
    const scale = numbers([6], 2);
    const expected = build(shape, (n, d, h, w, c) => at(n, d, h, w, c) * scale[c]! + scale[c]!);
    expect(relativeError(run((x) => x.mul(scale).add(scale)), expected)).toBeLessThan(1e-6);
  });
  test("concatenation of volumes along the batch", () => {
    expect(run((x) => tf.concat([x, x], 0))).toEqual([...xs, ...xs]);
  });
}, ["wasm"]);
