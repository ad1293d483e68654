/** Convolution and its two gradients on every engine, at the geometries of the networks and at odd and limiting ones. */
import { expect, test } from "vitest";
import {
  convOutputShape,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
  type Shape5,
} from "../../lib/engine/reference.ts";
import { relativeError } from "../../lib/engine/self_test.ts";
import type { Conv3dGeometry, Triple } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";
import { convolutionOracle } from "../support/convolution_oracle.ts";
import { allEngines, describeEngines, expectClose, tidied } from "../support/engines.ts";
import { numbers, volumeOf } from "../support/number_tensors.ts";

const tolerance = 1e-5;

interface ConvolutionCase {
  readonly name: string;
  readonly x: Shape5;
  readonly w: Shape5;
  readonly stride?: Triple;
  readonly padding?: Triple;
  /** Too slow on a software GPU. */
  readonly large?: boolean;
}

const cases: readonly ConvolutionCase[] = [
  { name: "3×3×3", x: [1, 6, 7, 8, 16], w: [3, 3, 3, 16, 8], padding: [1, 1, 1] },
  { name: "batch 2, channels that fill no tile", x: [2, 5, 4, 3, 3], w: [3, 3, 3, 3, 5], padding: [1, 1, 1] },
  { name: "stride 2, even sizes", x: [2, 4, 6, 8, 8], w: [3, 3, 3, 8, 16], stride: [2, 2, 2], padding: [1, 1, 1] },
  { name: "stride 2, odd sizes", x: [1, 5, 7, 9, 4], w: [3, 3, 3, 4, 8], stride: [2, 2, 2], padding: [1, 1, 1] },
  { name: "stem 3×7×7", x: [2, 5, 12, 14, 1], w: [3, 7, 7, 1, 16], stride: [1, 2, 2], padding: [1, 3, 3] },
  { name: "stem, three channels", x: [1, 3, 8, 8, 3], w: [3, 7, 7, 3, 8], stride: [1, 2, 2], padding: [1, 3, 3] },
  { name: "1×1×1", x: [1, 3, 4, 5, 12], w: [1, 1, 1, 12, 20] },
  { name: "1×1×1 stride 2", x: [2, 4, 5, 6, 8], w: [1, 1, 1, 8, 16], stride: [2, 2, 2] },
  { name: "stride over kernel", x: [1, 7, 8, 9, 4], w: [2, 2, 2, 4, 8], stride: [3, 3, 3] },
  {
    name: "unequal strides and padding",
    x: [1, 6, 7, 8, 2],
    w: [3, 2, 4, 2, 3],
    stride: [1, 3, 2],
    padding: [0, 1, 2],
  },
  { name: "temporal kernel 3×1×1", x: [1, 6, 4, 4, 8], w: [3, 1, 1, 8, 8], padding: [1, 0, 0] },
  { name: "spatial kernel 1×3×3", x: [1, 3, 6, 6, 8], w: [1, 3, 3, 8, 8], stride: [1, 2, 2], padding: [0, 1, 1] },
  { name: "one voxel", x: [1, 1, 1, 1, 9], w: [3, 3, 3, 9, 7], padding: [1, 1, 1] },
  { name: "one channel, one voxel of output", x: [1, 3, 3, 3, 1], w: [3, 3, 3, 1, 1] },
  {
    name: "more than one slab of scratch space",
    x: [1, 70, 64, 64, 4],
    w: [3, 1, 1, 4, 1],
    padding: [1, 0, 0],
    large: true,
  },
];

describeEngines("convolution agrees with the float64 reference", (engine, name) => {
  test.each(cases.filter(({ large }) => name !== "webgpu" || !large))(
    "$name",
    async ({ x: xShape, w: wShape, stride = [1, 1, 1], padding = [0, 0, 0] }) => {
      const { ops } = engine(), geometry: Conv3dGeometry = { stride, padding };
      const yShape = convOutputShape(xShape, wShape, geometry);
      const xs = numbers(xShape, 1), ws = numbers(wShape, 2), dys = numbers(yShape, 3);
      await tidied(async () => {
        const x = volumeOf(xs, xShape), w = volumeOf(ws, wShape), dy = volumeOf(dys, yShape);
        const y = ops.conv3d(x, w, geometry);
        expect(y.shape).toEqual(yShape);
        const forward = referenceConv3d(xs, xShape, ws, wShape, geometry).values;
        expect(relativeError(await y.data(), forward)).toBeLessThan(tolerance);
        const dx = ops.conv3dInputGrad(dy, w, x.shape, geometry);
        expect(dx.shape).toEqual(xShape);
        const inputGradient = referenceInputGrad(dys, ws, wShape, xShape, geometry);
        expect(relativeError(await dx.data(), inputGradient)).toBeLessThan(tolerance);
        const dw = ops.conv3dFilterGrad(x, dy, w.shape, geometry);
        expect(dw.shape).toEqual(wShape);
        const filterGradient = referenceFilterGrad(xs, xShape, dys, wShape, geometry);
        expect(relativeError(await dw.data(), filterGradient)).toBeLessThan(tolerance);
      });
    },
  );

  test.each(["tfjs.padding.stride2", "tfjs.stem_conv"])("oracle %s", async (id) => {
    const { x, w, xShape, wShape, geometry, expected } = convolutionOracle(id);
    await tidied(async () => {
      const y = engine().ops.conv3d(volumeOf(x, xShape), volumeOf(w, wShape), geometry);
      expectClose(await y.data(), expected, 2e-6, 0);
    });
  });

  test.skipIf(name === "webgpu")(
    "64→64 channels on 16×32×32: errors stay below 1e-5 of the largest value",
    async () => {
      const { ops } = engine(), geometry: Conv3dGeometry = { stride: [1, 1, 1], padding: [1, 1, 1] };
      const shape: Shape5 = [1, 16, 32, 32, 64], wShape: Shape5 = [3, 3, 3, 64, 64];
      const xs = numbers(shape, 1), ws = numbers(wShape, 2), dys = numbers(shape, 3);
      // one channel of each result: the reference is computed for it alone
      const first = (values: ArrayLike<number>) =>
        Float32Array.from({ length: values.length / 64 }, (_, i) => values[64 * i]!);
      await tidied(async () => {
        const x = volumeOf(xs, shape), w = volumeOf(ws, wShape), dy = volumeOf(dys, shape);
        const y = first(await ops.conv3d(x, w, geometry).data());
        const w0 = first(ws);
        const forward = referenceConv3d(xs, shape, w0, [3, 3, 3, 64, 1], geometry).values;
        expect(relativeError(y, forward)).toBeLessThan(tolerance);
        const dx = first(await ops.conv3dInputGrad(dy, w, x.shape, geometry).data());
        const wOf0 = Float32Array.from({ length: 27 * 64 }, (_, i) => ws[Math.floor(i / 64) * 4096 + i % 64]!);
        const inputGradient = referenceInputGrad(dys, wOf0, [3, 3, 3, 1, 64], [1, 16, 32, 32, 1], geometry);
        expect(relativeError(dx, inputGradient)).toBeLessThan(tolerance);
        const dw = await ops.conv3dFilterGrad(x, dy, w.shape, geometry).data();
        const dwOf00 = Float32Array.from({ length: 27 }, (_, tap) => dw[tap * 4096]!);
        const planes: Shape5 = [1, 16, 32, 32, 1], [x0, dy0] = [first(xs), first(dys)] as const;
        const filterGradient = referenceFilterGrad(x0, planes, dy0, [3, 3, 3, 1, 1], geometry);
        expect(relativeError(dwOf00, filterGradient)).toBeLessThan(tolerance);
      });
    },
  );

  test("a kernel of one delta copies the volume", async () => {
    await tidied(async () => {
      const values = numbers([1, 4, 5, 6, 1], 4), x = volumeOf(values, [1, 4, 5, 6, 1]);
      const delta = volumeOf(Float32Array.from({ length: 27 }, (_, i) => i === 13 ? 1 : 0), [3, 3, 3, 1, 1]);
      const y = engine().ops.conv3d(x, delta, { stride: [1, 1, 1], padding: [1, 1, 1] });
      expect([...await y.data()]).toEqual([...values]);
    });
  });

  test("gradients by finite differences of the engine's own forward pass", async () => {
    const { ops } = engine(), geometry: Conv3dGeometry = { stride: [1, 2, 2], padding: [1, 1, 1] };
    await tidied(async () => {
      const x = volumeOf(numbers([1, 4, 6, 6, 8], 1), [1, 4, 6, 6, 8]);
      const w = volumeOf(numbers([3, 3, 3, 8, 8], 2), [3, 3, 3, 8, 8]);
      const direction = volumeOf(numbers([1, 4, 6, 6, 8], 5), x.shape);
      const wDirection = volumeOf(numbers([3, 3, 3, 8, 8], 6), w.shape);
      const y = ops.conv3d(x, w, geometry), dy = volumeOf(numbers(y.shape, 3), y.shape);
      const dot = async (a: tf.Tensor, b: tf.Tensor) => (await tf.sum(tf.mul(a, b)).data())[0]!;
      // linear in each argument, so that a difference over a whole step has no truncation error
      const alongX = await dot(ops.conv3d(tf.add(x, direction), w, geometry), dy) - await dot(y, dy);
      expect(await dot(ops.conv3dInputGrad(dy, w, x.shape, geometry), direction) / alongX).toBeCloseTo(1, 3);
      const alongW = await dot(ops.conv3d(x, tf.add(w, wDirection), geometry), dy) - await dot(y, dy);
      expect(await dot(ops.conv3dFilterGrad(x, dy, w.shape, geometry), wDirection) / alongW).toBeCloseTo(1, 3);
    });
  });
}, allEngines);
