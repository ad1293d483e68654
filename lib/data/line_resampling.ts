/** The two interpolations of preprocessing on one line of values, where they can be followed by hand. */
import { resizeBicubic } from "./bicubic.ts";
import { applyDepthMatrix, splineMatrix } from "./spline.ts";

/**
 * What happens to one pixel column along depth: the not-a-knot cubic spline through `values` at `count` evenly spaced
 * places, both ends included. float64, not clipped. `splineLine([0, 1, 0, 1], 6)` is 0, 1.064, 0.832, 0.168, −0.064, 1.
 */
export function splineLine(values: readonly number[], count: number): number[] {
  return Array.from(
    applyDepthMatrix(splineMatrix(values.length, count), Float64Array.from(values), new Float64Array(count)),
  );
}

/**
 * What happens to one row of pixels in the plane: Pillow's bicubic from `values` (grey 0 … 255, rounded to whole numbers)
 * to `count` pixels, anti-aliased when there are fewer of them; each result is a whole number of 0 … 255.
 */
export function bicubicLine(values: readonly number[], count: number): number[] {
  const pixels = Uint8ClampedArray.from(values);
  const line = { pixels: new Uint8Array(pixels.buffer), width: values.length, height: 1 };
  return Array.from(resizeBicubic(line, count, 1).pixels);
}
