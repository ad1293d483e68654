import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distortedPositions, distortedSplineMatrix, distortImage } from "../../lib/data/distortion.ts";
import { applyDepthMatrix, splineMatrix } from "../../lib/data/spline.ts";
import { expectClose } from "../support/engines.ts";
import { oracle } from "../support/oracles.ts";
import { goldens, hashPixels, unpack } from "./support/goldens.ts";

const interpolate = (y: ArrayLike<number>, depth: number) =>
  applyDepthMatrix(splineMatrix(y.length, depth), Float64Array.from(y), new Float64Array(depth));

describe("depth spline", () => {
  const { expected, tol } = oracle("preproc.depth_spline");
  test.each(Object.keys(expected))("oracle preproc.depth_spline %s", (key) => {
    expectClose(interpolate(expected[key].y, expected[key].m), expected[key].out, tol, 0);
  });

  test("oracle preproc.depth_spline_distorted", () => {
    const { inputs: { y, m }, expected: { positions, out }, tol } = oracle("preproc.depth_spline_distorted");
    expectClose(distortedPositions(m), positions, tol, 0);
    const matrix = distortedSplineMatrix(y.length, m);
    expectClose(applyDepthMatrix(matrix, Float64Array.from(y), new Float64Array(m)), out, tol, 0);
  });

  test.each(goldens.spline)("SciPy's CubicSpline: $n slices to $depth", ({ n, depth, out }) => {
    const y = Float64Array.from({ length: n }, (_, i) => Math.sin(i ** 2 / 7));
    expectClose(interpolate(y, depth), new Float64Array(unpack(out).buffer), 1e-12, 0);
  });

  test("reproduces cubic polynomials exactly, keeps the ends, and rows sum to one", () => {
    fc.assert(fc.property(fc.integer({ min: 4, max: 90 }), fc.integer({ min: 2, max: 70 }), (n, depth) => {
      const cubic = (t: number) => 1 - 2 * t + 3 * t ** 2 - 1.5 * t ** 3;
      const out = interpolate(Array.from({ length: n }, (_, i) => cubic(i / (n - 1))), depth);
      expectClose(out, Array.from({ length: depth }, (_, i) => cubic(i / (depth - 1))), 1e-11, 0);
      const { values } = splineMatrix(n, depth);
      for (let r = 0; r < depth; r++) {
        expect(values.subarray(r * n, (r + 1) * n).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }
      expect([values[0], values[depth * n - 1]]).toEqual([1, 1]);
    }));
  });

  test("the same depth is the identity", () => {
    const y = [3, 1, 4, 1, 5, 9, 2, 6];
    expectClose(interpolate(y, 8), y, 1e-12, 0);
  });

  test("no slices is an error", () => expect(() => splineMatrix(0, 4)).toThrow(RangeError));
});

describe("in-plane distortion", () => {
  test.each(goldens.distortion)("SciPy's map_coordinates at $size²", ({ size, pixels }) => {
    const result = distortImage({ pixels: hashPixels(size, size, 5), width: size, height: size });
    expect([...result.pixels]).toEqual([...unpack(pixels)]);
  });

  test("the far border becomes zero, as in the original", () => {
    const { pixels } = distortImage({ pixels: new Uint8Array(64).fill(200), width: 8, height: 8 });
    expect(pixels[0]).toBe(200);
    expect(pixels[63]).toBe(0);
  });
});
