/**
 * The original program's coordinate distortion (its default in 2022, not in the paper): positions t ∈ [−1, 1]
 * along each axis become f t³ + (1 − f) t, so the centre is sampled more densely than the border.
 */
import type { GreyImage } from "./bicubic.ts";
import { cached, type DepthMatrix, splineMatrixAt } from "./spline.ts";

/** f for all three axes. */
export const distortionFactor = 0.5;

export function distort(t: number, factor = distortionFactor): number {
  return factor * t ** 3 + (1 - factor) * t;
}

/** The t that `distort` takes to y: the one real root, for factors up to 1 (Newton's method; the cubic rises). */
export function undistort(y: number, factor = distortionFactor): number {
  let t = y;
  for (let step = 0; step < 60; step++) {
    const change = (distort(t, factor) - y) / (3 * factor * t * t + 1 - factor);
    t -= change;
    if (Math.abs(change) < 1e-15) break;
  }
  return t;
}

/** Distorted sample positions in [−1, 1]: `distort(linspace(−1, 1, count))`. */
export function distortedPositions(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => distort(count === 1 ? -1 : -1 + 2 * i / (count - 1)));
}

/** Depth interpolation at distorted positions; otherwise as `splineMatrix`. */
export function distortedSplineMatrix(slices: number, depth: number): DepthMatrix {
  return cached(
    `${slices}>${depth} distorted`,
    () => splineMatrixAt(slices, distortedPositions(depth).map((t) => Math.min(1, Math.max(0, (t + 1) / 2)))),
  );
}

/**
 * In-plane distortion at the image's own size, before it is resized: cubic B-spline interpolation as SciPy's
 * `ndimage.map_coordinates(image, order=3)` (mirrored prefilter, zero outside, result rounded to uint8). As in the
 * original, coordinates are (t + 1)·size/2, which reaches one past the last pixel: the far border becomes zero.
 * The original accepts square images only; here each axis uses its own size.
 */
export function distortImage({ pixels, width, height }: GreyImage): GreyImage {
  const across = axisSampler(width), down = axisSampler(height);
  const rows = new Float64Array(height * width), line = new Float64Array(Math.max(width, height));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) line[x] = pixels[y * width + x]!;
    across(line, (x, value) => rows[y * width + x] = value);
  }
  const output = new Uint8Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) line[y] = rows[y * width + x]!;
    down(line, (y, value) => output[y * width + x] = value > 0 ? Math.min(255, Math.floor(value + 0.5)) : 0);
  }
  return { pixels: output, width, height };
}

type Sampler = (line: Float64Array, store: (index: number, value: number) => void) => void;

/** Resamples one line of `size` values at its distorted coordinates. */
function axisSampler(size: number): Sampler {
  const coordinates = distortedPositions(size).map((t) => (t + 1) * size / 2);
  return (line, store) => {
    if (size > 1) toSplineCoefficients(line, size);
    coordinates.forEach((u, i) =>
      store(i, u < 0 || u > size - 1 ? 0 : size === 1 ? line[0]! : splineAt(line, size, u))
    );
  };
}

/** Cubic B-spline prefilter with mirrored ends, in place (Unser 1999). */
function toSplineCoefficients(c: Float64Array, n: number): void {
  const z = Math.sqrt(3) - 2, last = n - 1;
  for (let i = 0; i < n; i++) c[i]! *= (1 - z) * (1 - 1 / z);
  let power = z, mirrored = z ** last, sum = c[0]! + mirrored * c[last]!;
  mirrored *= mirrored / z;
  for (let i = 1; i < last; i++) {
    sum += (power + mirrored) * c[i]!;
    power *= z;
    mirrored /= z;
  }
  c[0] = sum / (1 - power * power);
  for (let i = 1; i < n; i++) c[i]! += z * c[i - 1]!;
  c[last] = (z * c[last - 1]! + c[last]!) * z / (z * z - 1);
  for (let i = last - 1; i >= 0; i--) c[i] = z * (c[i + 1]! - c[i]!);
}

function splineAt(c: Float64Array, n: number, u: number): number {
  const base = Math.floor(u), t = u - base, v = 1 - t;
  const at = (i: number) => c[mirror(i, n)]!;
  return (v * v * v * at(base - 1) + (t * t * (t - 2) * 3 + 4) * at(base) + (v * v * (v - 2) * 3 + 4) * at(base + 1) +
    t * t * t * at(base + 2)) / 6;
}

function mirror(i: number, n: number): number {
  const period = 2 * (n - 1), k = ((i % period) + period) % period;
  return k < n ? k : period - k;
}
