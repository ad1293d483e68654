/** The filter gradient by matrix products: the float64 reference at all kinds of geometry, and the operator's at size. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convOutputShape, referenceFilterGrad, type Shape5, sizeOf } from "../../../lib/engine/reference.ts";
import { relativeError } from "../../../lib/engine/self_test.ts";
import type { NodeBackend } from "../../../lib/engine/tensorflow/backend.ts";
import type { TensorflowEngine } from "../../../lib/engine/tensorflow/engine.ts";
import { filterGradProducts } from "../../../lib/engine/tensorflow/filter_products.ts";
import { Operators } from "../../../lib/engine/tensorflow/operators.ts";
import type { Conv3dGeometry, Engine, Triple } from "../../../lib/engine/types.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines } from "../../support/engines.ts";
import { hashFill } from "../../support/hash_fill.ts";

const operatorsOf = (engine: Engine) =>
  new Operators(tf.backend() as unknown as NodeBackend, (engine as TensorflowEngine).binding);

const numbers = (shape: readonly number[], seed: number) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * hashFill(i, seed));

interface Case {
  readonly x: Shape5;
  readonly w: Shape5;
  readonly stride: Triple;
  readonly padding: Triple;
}

function errorOf(engine: Engine, { x: xShape, w: wShape, stride, padding }: Case): number {
  const geometry: Conv3dGeometry = { stride, padding };
  const yShape = convOutputShape(xShape, wShape, geometry);
  const xs = numbers(xShape, 1), dys = numbers(yShape, 2);
  const tensorsBefore = tf.memory().numTensors;
  const x = tf.tensor5d(xs, [...xShape]), dy = tf.tensor5d(dys, [...yShape] as tf.Tensor5D["shape"]);
  const gradient = filterGradProducts(operatorsOf(engine), x, dy, [...wShape], geometry);
  const found = gradient.dataSync();
  expect(gradient.shape).toEqual(wShape);
  tf.dispose([x, dy, gradient]);
  expect(tf.memory().numTensors).toBe(tensorsBefore);
  const expected = referenceFilterGrad(xs, xShape, dys, wShape, geometry);
  if (expected.every((value) => value === 0)) return Math.max(...found.map(Math.abs)); // every output reads zeros alone
  return relativeError(found, expected);
}

const named: readonly (Case & { readonly name: string })[] = [
  { name: "3×3×3", x: [1, 6, 7, 8, 5], w: [3, 3, 3, 5, 4], stride: [1, 1, 1], padding: [1, 1, 1] },
  { name: "stride 2, even", x: [2, 4, 6, 8, 4], w: [3, 3, 3, 4, 6], stride: [2, 2, 2], padding: [1, 1, 1] },
  { name: "stride 2, odd", x: [2, 5, 7, 9, 4], w: [3, 3, 3, 4, 6], stride: [2, 2, 2], padding: [1, 1, 1] },
  { name: "1×1×1 stride 2", x: [2, 4, 5, 6, 3], w: [1, 1, 1, 3, 4], stride: [2, 2, 2], padding: [0, 0, 0] },
  { name: "stem", x: [1, 5, 12, 14, 2], w: [3, 7, 7, 2, 3], stride: [1, 2, 2], padding: [1, 3, 3] },
  { name: "temporal", x: [2, 6, 4, 4, 3], w: [3, 1, 1, 3, 4], stride: [2, 1, 1], padding: [1, 0, 0] },
  { name: "spatial", x: [1, 3, 6, 6, 3], w: [1, 3, 3, 3, 4], stride: [1, 2, 2], padding: [0, 1, 1] },
  { name: "stride over kernel", x: [1, 7, 8, 9, 2], w: [2, 2, 2, 2, 3], stride: [3, 3, 3], padding: [0, 0, 0] },
  { name: "one voxel", x: [1, 1, 1, 1, 4], w: [3, 3, 3, 4, 3], stride: [1, 1, 1], padding: [1, 1, 1] },
];

describeEngines("filter gradient by matrix products", (engine) => {
  test.each(named)("$name", (item) => expect(errorOf(engine(), item)).toBeLessThan(1e-5));

  test("random geometry", () => {
    const three = (min: number, max: number): fc.Arbitrary<Triple> => {
      const one = fc.integer({ min, max });
      return fc.tuple(one, one, one);
    };
    const geometry = fc.record({
      size: three(1, 7),
      kernel: three(1, 4),
      stride: three(1, 3),
      padding: three(0, 3),
      channels: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      samples: fc.integer({ min: 1, max: 2 }),
    }).filter(({ size, kernel, padding }) => size.every((length, i) => length + 2 * padding[i]! >= kernel[i]!));
    fc.assert(
      fc.property(geometry, ({ size, kernel, stride, padding, channels, samples }) => {
        const x = [samples, ...size, channels[0]] as unknown as Shape5,
          w = [...kernel, ...channels] as unknown as Shape5;
        expect(errorOf(engine(), { x, w, stride, padding })).toBeLessThan(1e-5);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  describe("several slabs", () => {
    test.each([1, 2])("stride %i: as the operator, and the same bits again", (stride) => {
      const geometry: Conv3dGeometry = { stride: [stride, stride, stride], padding: [1, 1, 1] };
      tf.tidy(() => {
        const x = tf.tensor5d(numbers([2, 41, 48, 48, 16], 1), [2, 41, 48, 48, 16]);
        const y = convOutputShape(x.shape, [3, 3, 3, 16, 16], geometry);
        const dy = tf.tensor5d(numbers(y, 2), [...y] as tf.Tensor5D["shape"]), filter = [3, 3, 3, 16, 16] as const;
        const products = () => filterGradProducts(operatorsOf(engine()), x, dy, [...filter], geometry).dataSync();
        const found = products(), operator = engine().ops.conv3dFilterGrad(x, dy, [...filter], geometry).dataSync();
        expect(relativeError(found, operator)).toBeLessThan(1e-5);
        expect(products()).toEqual(found);
      });
    });
  });
}, ["tensorflow"]);
