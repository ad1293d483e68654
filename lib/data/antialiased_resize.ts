/**
 * `skimage.transform.resize(volume, shape, order=3)` for floating-point volumes, as the 2023 program resizes crops: an
 * axis that shrinks by the factor f is first smoothed with a Gaussian of sigma (f − 1)/2 cut at 4 sigma; then a cubic
 * B-spline is sampled at the centres of the output voxels; borders are mirrored about the outermost samples (scikit-image
 * calls this "reflect", SciPy "mirror"); the result is clipped to the range of the input.
 *
 * All of it but the clipping is linear and separable, so one [output, input] matrix per axis does it.
 */
import { applyDepthMatrix, cached, type DepthMatrix } from "./spline.ts";
import type { VolumeSize } from "./types.ts";

/** Weights fall by 0.27 per sample; the largest sum of those left out is below 1e-9 of the grey range. */
const negligible = 1e-11;

/** A part of a volume: voxels from `start` up to and without `end` on each axis. */
export interface Box {
  readonly start: VolumeSize;
  readonly end: VolumeSize;
}

/** Voxels [depth, height, width] in C order. */
export interface Voxels {
  readonly voxels: Uint8Array | Float32Array | Float64Array;
  readonly size: VolumeSize;
}

/**
 * The box of a volume, resized to `size`; every value is multiplied by `scale` (1/255 makes units of grey). Sums are
 * float64; between the axes and in the result values have the precision of `output`.
 */
export function resizeBox<Output extends Float32Array | Float64Array>(
  { voxels, size: source }: Voxels,
  { start, end }: Box,
  size: VolumeSize,
  output: Output,
  scale = 1,
): Output {
  const depth = end.depth - start.depth, height = end.height - start.height, width = end.width - start.width;
  const down = axisMatrix(height, size.height), across = axisMatrix(width, size.width);
  const make = (
    length: number,
  ) => (output instanceof Float64Array ? new Float64Array(length) : new Float32Array(length));
  const slice = voxels.slice(0, height * width), narrow = make(size.height * width);
  const plane = size.height * size.width, planes = make(depth * plane);
  let low = Infinity, high = -Infinity;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const from = ((start.depth + z) * source.height + start.height + y) * source.width + start.width;
      slice.set(voxels.subarray(from, from + width), y * width);
    }
    for (const value of [minimum(slice), -minimum(slice, -1)]) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    applyDepthMatrix(down, slice, narrow, scale);
    applyAcross(across, narrow, planes.subarray(z * plane, (z + 1) * plane));
  }
  applyDepthMatrix(axisMatrix(depth, size.depth), planes, output);
  low *= scale;
  high *= scale;
  for (let i = 0; i < output.length; i++) {
    const value = output[i]!;
    if (value < low) output[i] = low;
    else if (value > high) output[i] = high;
  }
  return output;
}

/** Smallest of sign · value. */
function minimum(values: Voxels["voxels"], sign = 1): number {
  let least = Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = sign * values[i]!;
    if (value < least) least = value;
  }
  return least;
}

/** Every row of `input` ([rows, matrix.columns]) times the matrix: [rows, matrix.rows]. */
function applyAcross(
  { rows: outputs, columns, values, start, end }: DepthMatrix,
  input: Voxels["voxels"],
  output: Voxels["voxels"],
): void {
  const rows = input.length / columns;
  for (let r = 0; r < rows; r++) {
    const from = r * columns, to = r * outputs;
    for (let o = 0; o < outputs; o++) {
      const weights = o * columns, last = end[o]!;
      let sum = 0;
      for (let c = start[o]!; c < last; c++) sum += values[weights + c]! * input[from + c]!;
      output[to + o] = sum;
    }
  }
}

/** The matrix of one axis; cached. */
export function axisMatrix(inputs: number, outputs: number): DepthMatrix {
  return cached(`antialiased ${inputs}>${outputs}`, () => makeMatrix(inputs, outputs));
}

function makeMatrix(inputs: number, outputs: number): DepthMatrix {
  if (![inputs, outputs].every((n) => Number.isInteger(n) && n >= 1)) {
    throw new RangeError(`axisMatrix: ${inputs} to ${outputs} samples`);
  }
  const coefficients = splineCoefficients(inputs, inputs / outputs);
  const values = new Float64Array(outputs * inputs), start = new Int32Array(outputs), end = new Int32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const row = values.subarray(o * inputs, (o + 1) * inputs);
    const position = mirrorPosition((o + 0.5) * inputs / outputs - 0.5, inputs);
    const first = Math.floor(position) - 1, t = position - Math.floor(position);
    bSpline(t).forEach((weight, k) => {
      const c = mirrored(first + k, inputs) * inputs;
      for (let i = 0; i < inputs; i++) row[i]! += weight * coefficients[c + i]!;
    });
    const heard = (i: number) => Math.abs(row[i]!) > negligible;
    let low = 0, high = inputs;
    while (low < high - 1 && !heard(low)) low++;
    while (high > low + 1 && !heard(high - 1)) high--;
    start[o] = low;
    end[o] = high;
  }
  return { rows: outputs, columns: inputs, values, start, end };
}

/** The four cubic B-spline weights at the fraction t behind the second of them. */
function bSpline(t: number): number[] {
  const u = 1 - t;
  return [u ** 3 / 6, 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - u * u * (2 - u) / 2, t ** 3 / 6];
}

/** [n, n]: row i says how B-spline coefficient i of the smoothed samples depends on the samples. */
function splineCoefficients(n: number, factor: number): Float64Array {
  const kernel = gaussian(Math.max(0, (factor - 1) / 2)), radius = (kernel.length - 1) / 2;
  const matrix = new Float64Array(n * n), column = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    // A sample beyond the border is the mirror image of one within, and may be heard more than once.
    for (let k = -radius; k <= radius; k++) matrix[i * n + mirrored(i + k, n)]! += kernel[k + radius]!;
  }
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) column[i] = matrix[i * n + j]!;
    prefilter(column);
    for (let i = 0; i < n; i++) matrix[i * n + j] = column[i]!;
  }
  return matrix;
}

/** SciPy's `gaussian_filter1d` kernel, cut at 4 sigma. */
function gaussian(sigma: number): Float64Array {
  if (sigma < 1e-15) return Float64Array.of(1);
  const radius = Math.trunc(4 * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2));
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

/** Samples to cubic B-spline coefficients with mirrored borders, in place (Unser 1999, "Splines: a perfect fit"). */
function prefilter(c: Float64Array): void {
  const n = c.length, z = Math.sqrt(3) - 2, last = n - 1;
  if (n === 1) return;
  for (let i = 0; i < n; i++) c[i]! *= 6;
  const far = z ** last;
  let first = c[0]! + far * c[last]!, power = z;
  for (let i = 1; i < last; i++) {
    first += power * (c[i]! + far * c[last - i]!);
    power *= z;
  }
  c[0] = first / (1 - far * far);
  for (let i = 1; i < n; i++) c[i]! += z * c[i - 1]!;
  c[last] = (z * c[last - 1]! + c[last]!) * z / (z * z - 1);
  for (let i = last - 1; i >= 0; i--) c[i] = z * (c[i + 1]! - c[i]!);
}

/** Index of the sample that stands at `i` when 0 … n − 1 are mirrored about both ends without repeating them. */
function mirrored(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1), place = ((i % period) + period) % period;
  return place < n ? place : period - place;
}

/** The same for a position between samples. */
function mirrorPosition(x: number, n: number): number {
  if (n === 1) return 0;
  if (x < 0) return -x;
  return x > n - 1 ? 2 * (n - 1) - x : x;
}
