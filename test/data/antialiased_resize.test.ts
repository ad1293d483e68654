import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axisMatrix, resizeBox, type Voxels } from "../../lib/data/antialiased_resize.ts";
import { expectClose } from "../support/engines.ts";
import { hashFill } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";
import { hashPixels, unpack } from "./support/goldens.ts";

type Shape = readonly [number, number, number];
const sizeOf = ([depth, height, width]: Shape) => ({ depth, height, width });
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The whole of a volume. */
function resized(voxels: Voxels["voxels"], from: Shape, to: Shape, scale = 1): Float64Array {
  const box = { start: sizeOf([0, 0, 0]), end: sizeOf(from) };
  return resizeBox({ voxels, size: sizeOf(from) }, box, sizeOf(to), new Float64Array(product(to)), scale);
}

test("oracle preproc.v2_resize", () => {
  const { expected, tol } = oracle("preproc.v2_resize");
  const volume = Float64Array.from({ length: 6 * 8 * 8 }, (_, i) => hashFill(i, 9) + 0.5);
  expectClose(resized(volume, [6, 8, 8], [4, 4, 4]), expected.down_4x4x4.flat(2), tol, 0);
  const up = resized(volume, [6, 8, 8], expected.up_shape);
  expectClose(up.subarray(0, 5), expected.up_first5, tol, 0);
  expect(Math.abs(up.reduce((sum, value) => sum + value, 0) / up.length - expected.up_mean)).toBeLessThan(tol);
});

interface Golden {
  readonly source: Shape;
  readonly target: Shape;
  readonly out: string;
}
const { resize } = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/lung_crop/resize.json", import.meta.url)),
) as { resize: Golden[] };

test.each(resize)("scikit-image: $source to $target", ({ source, target, out }) => {
  const grey = hashPixels(1, product(source)), expected = new Float64Array(unpack(out).buffer);
  expectClose(resized(grey, source, target, 1 / 255), expected, 1e-8, 0);
  const size = sizeOf(target), box = { start: sizeOf([0, 0, 0]), end: sizeOf(source) };
  const single = resizeBox(
    { voxels: grey, size: sizeOf(source) },
    box,
    size,
    new Float32Array(product(target)),
    1 / 255,
  );
  expectClose(single, expected, 1e-6, 0);
});

describe("resizeBox", () => {
  const side = fc.integer({ min: 1, max: 12 }), shape = fc.tuple(side, side, side);

  test("a box is cut out first: the rest of the volume is not heard", () => {
    fc.assert(
      fc.property(shape, shape, shape, (inner, margin, to) => {
        const outer = inner.map((n, i) => n + margin[i]! + 1) as unknown as Shape;
        const whole = hashPixels(1, product(outer), 5), part = new Uint8Array(product(inner));
        for (let z = 0; z < inner[0]; z++) {
          for (let y = 0; y < inner[1]; y++) {
            const from = ((z + margin[0]) * outer[1] + y + margin[1]) * outer[2] + margin[2];
            part.set(whole.subarray(from, from + inner[2]), (z * inner[1] + y) * inner[2]);
          }
        }
        const end = sizeOf(inner.map((n, i) => n + margin[i]!) as unknown as Shape);
        const box = { start: sizeOf(margin), end }, output = new Float64Array(product(to));
        expect(resizeBox({ voxels: whole, size: sizeOf(outer) }, box, sizeOf(to), output)).toEqual(
          resized(part, inner, to),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("a constant volume stays constant, and nothing leaves the range of the input", () => {
    fc.assert(
      fc.property(shape, shape, fc.nat(255), (from, to, grey) => {
        expect(resized(new Uint8Array(product(from)).fill(grey), from, to).every((v) => v === grey)).toBe(true);
        const noise = hashPixels(1, product(from), grey), bounds = [Math.min(...noise), Math.max(...noise)] as const;
        const out = resized(noise, from, to);
        expect(Math.min(...out)).toBeGreaterThanOrEqual(bounds[0]);
        expect(Math.max(...out)).toBeLessThanOrEqual(bounds[1]);
      }),
      { numRuns: 50 },
    );
  });

  test("rows of a matrix sum to 1; a matrix of nothing is a programmer's error", () => {
    for (const [inputs, outputs] of [[512, 128], [64, 160], [1, 5], [300, 64]] as const) {
      const { values, rows } = axisMatrix(inputs, outputs);
      const sums = Array.from(
        { length: rows },
        (_, r) => values.subarray(r * inputs, (r + 1) * inputs).reduce((sum, value) => sum + value, 0),
      );
      expectClose(sums, sums.map(() => 1), 1e-12, 0);
    }
    expect(() => axisMatrix(0, 5)).toThrow(RangeError);
  });
});
