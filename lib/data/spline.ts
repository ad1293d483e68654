/**
 * Depth interpolation: a not-a-knot cubic spline through the slices of every pixel column, as SciPy's
 * `CubicSpline(linspace(0, 1, n), column)(linspace(0, 1, depth))`. The first and last slices map exactly to the ends;
 * one slice is repeated, two give a line, three a parabola. No smoothing when shrinking, no clipping.
 *
 * A spline is linear in its data, so one [depth, n] matrix per (n, depth) serves all columns of all scans.
 */

/** A [rows, columns] matrix in row-major order; row r is zero outside columns start[r] … end[r] − 1. */
export interface DepthMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** Weights fall by 0.27 per slice away from the sample; below this they no longer reach a float64 sum of grey values. */
const negligible = 1e-18;

/** Positions in [0, 1] where the output slices lie: linspace(0, 1, depth), as NumPy. */
export function evenPositions(depth: number): Float64Array {
  return Float64Array.from({ length: depth }, (_, i) => depth === 1 ? 0 : i / (depth - 1));
}

const cache = new Map<string, DepthMatrix>();

/** The matrix for `slices` input slices and evenly spaced output; cached. */
export function splineMatrix(slices: number, depth: number): DepthMatrix {
  return cached(`${slices}>${depth}`, () => splineMatrixAt(slices, evenPositions(depth)));
}

/** Memoises matrices under a name; bounded, so that a thousand scan lengths do not pile up. */
export function cached(key: string, make: () => DepthMatrix): DepthMatrix {
  let matrix = cache.get(key);
  if (matrix === undefined) {
    if (cache.size >= 64) cache.delete(cache.keys().next().value!);
    cache.set(key, matrix = make());
  }
  return matrix;
}

/** The matrix for any sample positions in [0, 1] (0 = first slice, 1 = last). */
export function splineMatrixAt(slices: number, positions: Float64Array): DepthMatrix {
  if (!Number.isInteger(slices) || slices < 1) throw new RangeError(`splineMatrix: ${slices} slices`);
  const rows = positions.length, values = new Float64Array(rows * slices);
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * slices, (r + 1) * slices), u = positions[r]! * (slices - 1);
    if (slices === 1) row[0] = 1;
    else if (slices === 2) row.set([1 - u, u]);
    else if (slices === 3) row.set([(u - 1) * (u - 2) / 2, u * (2 - u), u * (u - 1) / 2]);
    else splineRow(row, u);
  }
  const start = new Int32Array(rows), end = new Int32Array(rows);
  for (let r = 0; r < rows; r++) {
    const heard = (c: number) => Math.abs(values[r * slices + c]!) > negligible;
    let low = 0, high = slices;
    while (low < high - 1 && !heard(low)) low++;
    while (high > low + 1 && !heard(high - 1)) high--;
    start[r] = low;
    end[r] = high;
  }
  return { rows, columns: slices, values, start, end };
}

/**
 * Weights of the samples y₀…yₙ₋₁ (unit spacing, n ≥ 4) in the spline's value at u ∈ [0, n−1].
 *
 * The slopes s solve A s = B y with A tridiagonal (1 2 | 1 4 1 | 2 1; ends: not-a-knot) and the value is
 * hᵀy + gᵀs (Hermite form), so the row is h + Bᵀ A⁻ᵀ g: one tridiagonal solve.
 */
function splineRow(row: Float64Array, u: number): void {
  const n = row.length, i = Math.min(Math.floor(u), n - 2), t = u - i, v = 1 - t;
  const slope = new Float64Array(n);
  row[i] = (1 + 2 * t) * v * v;
  row[i + 1] = t * t * (3 - 2 * t);
  slope[i] = t * v * v;
  slope[i + 1] = -t * t * v;
  if (t === 0 || t === 1) return;
  solveTransposed(slope);
  const q = slope, last = n - 1;
  // Bᵀ q: row 0 of B is (5 δ₀ + δ₁)/2, row k is 3 (y_{k+1} − y_{k−1}), the last mirrors row 0; δ_k = y_{k+1} − y_k
  for (let k = 1; k < last; k++) {
    row[k + 1]! += 3 * q[k]!;
    row[k - 1]! -= 3 * q[k]!;
  }
  row[0]! -= 2.5 * q[0]!;
  row[1]! += 2 * q[0]!;
  row[2]! += 0.5 * q[0]!;
  row[last]! += 2.5 * q[last]!;
  row[last - 1]! -= 2 * q[last]!;
  row[last - 2]! -= 0.5 * q[last]!;
}

/** Solves Aᵀ x = b in place by the Thomas algorithm; A as in `splineRow`. */
function solveTransposed(b: Float64Array): void {
  const n = b.length, last = n - 1, ratio = new Float64Array(n);
  const lower = (k: number) => (k === 1 ? 2 : 1), upper = (k: number) => (k === last - 1 ? 2 : 1);
  ratio[0] = upper(0);
  for (let k = 1; k < n; k++) {
    const pivot = (k === last ? 1 : 4) - lower(k) * ratio[k - 1]!;
    if (k < last) ratio[k] = upper(k) / pivot;
    b[k] = (b[k]! - lower(k) * b[k - 1]!) / pivot;
  }
  for (let k = last - 1; k >= 0; k--) b[k]! -= ratio[k]! * b[k + 1]!;
}

/**
 * matrix · slices · scale for every pixel: `slices` is [columns, plane], the result [rows, plane]. Sums are float64,
 * in slice order; `output` decides the stored precision.
 */
export function applyDepthMatrix<Output extends Float32Array | Float64Array>(
  matrix: DepthMatrix,
  slices: Uint8Array | Float32Array | Float64Array,
  output: Output,
  scale = 1,
): Output {
  const { rows, columns, values, start, end } = matrix, plane = slices.length / columns;
  if (output.length !== rows * plane) throw new RangeError("applyDepthMatrix: wrong output length");
  const sums = new Float64Array(plane);
  for (let r = 0; r < rows; r++) {
    sums.fill(0);
    for (let c = start[r]!; c < end[r]!; c++) addScaled(sums, values[r * columns + c]!, slices, c * plane);
    const o = r * plane;
    if (scale === 1) output.set(sums, o);
    else for (let p = 0; p < plane; p++) output[o + p] = sums[p]! * scale;
  }
  return output;
}

function addScaled(
  sums: Float64Array,
  weight: number,
  slices: Uint8Array | Float32Array | Float64Array,
  offset: number,
) {
  for (let p = 0; p < sums.length; p++) sums[p]! += weight * slices[offset + p]!;
}
