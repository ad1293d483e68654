/** The WGSL convolutions against the float64 reference, at every geometry of the networks and at random ones. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  convOutputShape,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
  type Shape5,
  sizeOf,
} from "../../../../lib/engine/reference.ts";
import { relativeError as relativeToLargest } from "../../../../lib/engine/self_test.ts";
import type { Conv3dGeometry, EngineOps, Triple } from "../../../../lib/engine/types.ts";
import * as tf from "../../../../lib/tf.ts";
import { convolutionOracle } from "../../../support/convolution_oracle.ts";
import { expectClose } from "../../../support/close.ts";
import { describeEngines } from "../../../support/engines.ts";
import { hashFill } from "../../../support/hash_fill.ts";

const tolerance = 1e-5; // asked for: 1e-4
const numbers = (shape: readonly number[], seed: number) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * hashFill(i, seed));

/** Nothing but zeros, where padding is all that was read, has to be exact. */
const relativeError = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  expected.length === actual.length && [expected, actual].every((values) => Array.from(values).every((v) => v === 0))
    ? 0
    : relativeToLargest(actual, expected);

interface Case {
  readonly name: string;
  readonly x: Shape5;
  readonly w: Shape5;
  readonly stride?: Triple;
  readonly padding?: Triple;
}

const two: Triple = [2, 2, 2], one: Triple = [1, 1, 1];

/** Kernels, strides and padding of r3d_18, mc3_18, r2plus1d_18 and tiny; channels that fill no four among them. */
const cases: readonly Case[] = [
  { name: "3×3×3", x: [2, 4, 5, 6, 16], w: [3, 3, 3, 16, 12], padding: one },
  { name: "3×3×3, stride 2, even sizes", x: [1, 4, 6, 8, 8], w: [3, 3, 3, 8, 12], stride: two, padding: one },
  { name: "3×3×3, stride 2, odd sizes", x: [2, 5, 7, 3, 7], w: [3, 3, 3, 7, 10], stride: two, padding: one },
  { name: "1×3×3", x: [1, 3, 6, 5, 9], w: [1, 3, 3, 9, 13], padding: [0, 1, 1] },
  { name: "1×3×3, stride 2", x: [1, 3, 6, 7, 12], w: [1, 3, 3, 12, 15], stride: [1, 2, 2], padding: [0, 1, 1] },
  { name: "3×1×1", x: [2, 5, 3, 3, 45], w: [3, 1, 1, 45, 16], padding: [1, 0, 0] },
  { name: "3×1×1, stride 2", x: [1, 6, 3, 3, 13], w: [3, 1, 1, 13, 8], stride: [2, 1, 1], padding: [1, 0, 0] },
  { name: "stem 3×7×7", x: [2, 4, 9, 10, 1], w: [3, 7, 7, 1, 16], stride: [1, 2, 2], padding: [1, 3, 3] },
  { name: "stem 3×7×7, even stride", x: [1, 6, 8, 8, 3], w: [3, 7, 7, 3, 8], stride: two, padding: [1, 3, 3] },
  { name: "stem 1×7×7", x: [1, 3, 11, 9, 1], w: [1, 7, 7, 1, 45], stride: [1, 2, 2], padding: [0, 3, 3] },
  { name: "1×1×1, stride 2", x: [2, 5, 4, 6, 12], w: [1, 1, 1, 12, 16], stride: two },
  { name: "1×1×1, stride (1, 2, 2)", x: [1, 3, 5, 6, 8], w: [1, 1, 1, 8, 16], stride: [1, 2, 2] },
  { name: "stride over kernel", x: [1, 7, 8, 9, 4], w: [2, 2, 2, 4, 8], stride: [3, 3, 3] },
  { name: "one voxel", x: [1, 1, 1, 1, 9], w: [3, 3, 3, 9, 7], padding: one },
  { name: "few voxels, a long sum in parts", x: [1, 2, 2, 2, 160], w: [3, 3, 3, 160, 8], padding: one },
  { name: "many voxels, filter gradient in parts", x: [2, 8, 12, 16, 4], w: [3, 3, 3, 4, 4], padding: one },
];

/** Runs all three passes and hands their largest errors to `check`. */
async function errorsOf(
  ops: EngineOps,
  { x: xShape, w: wShape, stride = one, padding = [0, 0, 0] }: Omit<Case, "name">,
) {
  const geometry: Conv3dGeometry = { stride, padding }, yShape = convOutputShape(xShape, wShape, geometry);
  const xs = numbers(xShape, 1), ws = numbers(wShape, 2), dys = numbers(yShape, 3);
  const tensors = [[xs, xShape], [ws, wShape], [dys, yShape]].map(([values, shape]) =>
    tf.tensor(values as Float32Array, [...shape as Shape5])
  );
  const [x, w, dy] = tensors as [tf.Tensor5D, tf.Tensor5D, tf.Tensor5D];
  const results = [
    ops.conv3d(x, w, geometry),
    ops.conv3dInputGrad(dy, w, x.shape, geometry),
    ops.conv3dFilterGrad(x, dy, w.shape, geometry),
  ];
  expect(results.map(({ shape }) => shape)).toEqual([yShape, xShape, wShape]);
  const [y, dx, dw] = await Promise.all(results.map((result) => result.data()));
  tf.dispose([...tensors, ...results]);
  return {
    forward: relativeError(y!, referenceConv3d(xs, xShape, ws, wShape, geometry).values),
    inputGrad: relativeError(dx!, referenceInputGrad(dys, ws, wShape, xShape, geometry)),
    filterGrad: relativeError(dw!, referenceFilterGrad(xs, xShape, dys, wShape, geometry)),
  };
}

const randomCase = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  size: fc.tuple(...[6, 7, 9].map((max) => fc.integer({ min: 1, max }))),
  kernel: fc.tuple(...[3, 4, 5].map((max) => fc.integer({ min: 1, max }))),
  stride: fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 3 }))),
  padding: fc.tuple(...[1, 2, 3].map((max) => fc.integer({ min: 0, max }))),
  channels: fc.tuple(fc.integer({ min: 1, max: 13 }), fc.integer({ min: 1, max: 13 })),
}).filter(({ size, kernel, padding }) => size.every((length, i) => length + 2 * padding[i]! >= kernel[i]!));

describeEngines("WGSL convolutions", (engine) => {
  test.each(cases)("$name", async (item) => {
    const errors = await errorsOf(engine().ops, item);
    for (const error of Object.values(errors)) expect(error).toBeLessThan(tolerance);
  });

  test("random shapes and geometries", async () => {
    await fc.assert(
      fc.asyncProperty(randomCase, async ({ batch, size, kernel, stride, padding, channels }) => {
        const errors = await errorsOf(engine().ops, {
          x: [batch, ...size, channels[0]] as unknown as Shape5,
          w: [...kernel, ...channels] as unknown as Shape5,
          stride: stride as unknown as Triple,
          padding: padding as unknown as Triple,
        });
        for (const error of Object.values(errors)) expect(error).toBeLessThan(tolerance);
      }),
      { numRuns: 12, seed: 20261122 },
    );
  });

  test.each(["tfjs.padding.stride2", "tfjs.stem_conv"])("oracle %s", async (id) => {
    const { x, w, xShape, wShape, geometry, expected } = convolutionOracle(id);
    const tensors = [[x, xShape], [w, wShape]].map(([values, shape]) =>
      tf.tensor(Float32Array.from(values as Float64Array), [...shape as Shape5])
    ) as tf.Tensor5D[];
    const y = engine().ops.conv3d(tensors[0]!, tensors[1]!, geometry);
    expectClose(await y.data(), expected, 2e-6, 0);
    tf.dispose([...tensors, y]);
  });

  describe("no tensor, no scratch memory is left behind", () => {
    test("by all three passes", async () => {
      const item: Case = cases[1]!;
      await errorsOf(engine().ops, item);
      const before = engine().memory();
      await errorsOf(engine().ops, item);
      expect({ ...engine().memory(), residentBytes: 0 }).toEqual({ ...before, residentBytes: 0 });
    });
  });
}, ["webgpu"]);
