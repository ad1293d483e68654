import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cubicKernel, resizeBicubic } from "../../lib/data/bicubic.ts";
import { oracle } from "../support/oracles.ts";
import { adler32, goldens, hashPixels } from "./support/goldens.ts";

const { inputs, expected } = oracle("preproc.bicubic");

describe("Pillow's bicubic", () => {
  test.each(Object.keys(expected))("oracle preproc.bicubic %s", (key) => {
    const [width, height] = key.split("x").map(Number) as [number, number];
    const image = { pixels: Uint8Array.from(inputs.image.flat()), width: 8, height: 8 };
    expect([...resizeBicubic(image, width, height).pixels]).toEqual(expected[key].flat());
  });

  test.each(goldens.bicubic)(
    "$size is Pillow's bit for bit",
    ({ size: [height, width, outHeight, outWidth], ...golden }) => {
      const { pixels } = resizeBicubic({ pixels: hashPixels(height, width), width, height }, outWidth, outHeight);
      expect([...pixels.subarray(0, 8)]).toEqual(golden.first);
      expect(adler32(pixels)).toBe(golden.adler32);
    },
  );

  test("the same size is the identity", () => {
    const image = { pixels: hashPixels(9, 7), width: 7, height: 9 };
    expect(resizeBicubic(image, 7, 9)).toBe(image);
  });

  test("a constant image stays constant at any size", () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (width, height, w, h, grey) => {
      const { pixels } = resizeBicubic({ pixels: new Uint8Array(width * height).fill(grey), width, height }, w, h);
      expect(pixels.length).toBe(w * h);
      expect(pixels.every((pixel) => pixel === grey)).toBe(true);
    }));
  });

  test("the kernel is 1 at 0, 0 at the other integers and sums to 1", () => {
    expect([0, 1, 2, 3].map((x) => cubicKernel(x) + 0)).toEqual([1, 0, 0, 0]);
    expect([-1.7, -0.7, 0.3, 1.3].map(cubicKernel).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });
});
