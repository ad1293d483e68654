/** Pieces of WGSL that the kernels share. */
import { threadsOf, type Tile } from "./tile.ts";

/** Head of `main` of a matrix product: the tile of the result that is this workgroup's, and its part of the sum. */
export const openMain = (tile: Tile): string =>
  `@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
  let id = i32(group.x + group.y * groups.x);
  let rowTile = (id / s.columns.y) * ${tile.rows};
  let columnTile = (id % s.columns.y) * ${tile.columns};
  if (rowTile >= s.grid.w) { return; }
  let thread = i32(index);
  let firstTerm = i32(group.z) * s.stride.w;
  let lastTerm = min(firstTerm + s.stride.w, s.taps.w);
  let extent = vec3<u32>(s.source.xyz);`;

/** Lines for i = 0 … count − 1. */
export const repeat = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** `vec4<f32>` where four neighbours in memory belong together, else `f32`. */
export const elementOf = (vector: boolean): string => vector ? "vec4<f32>" : "f32";

/** Registers `c<row>_<column>` of a thread's part of the result, four columns each. */
export const declareSums = (rows: number, columns: number): string =>
  repeat(rows, (i) => repeat(columns, (j) => `var c${i}_${j} = vec4<f32>(0.0);`));

/** c<row>_* += left · b<term>_*: one fused multiplication and addition each, so that every tile rounds alike. */
export const multiplyAdd = (row: number, left: string, term: number | string, columns: number): string =>
  repeat(columns, (j) => `c${row}_${j} = fma(vec4<f32>(${left}), b${term}_${j}, c${row}_${j});`);

/** Four columns from `column` on of a dense row of the result, of which only `columns.x` exist. */
export const storeFour = (vector: boolean, target: string, first: string, column: string, value: string): string =>
  vector
    ? `if (${column} < s.columns.x) { ${target}[(${first} + ${column}) / 4] = ${value}; }`
    : repeat(4, (i) =>
      `if (${column} + ${i} < s.columns.x) { ${target}[${first} + ${column} + ${i}] = ${value}[${i}]; }`);

/**
 * Functions on the mixed-radix digits of a position (depth, height, width, channel or sample, depth, height, width).
 * `advance(digits, by, radix)`: both digits and by are below the radix, so that one carry a digit is enough.
 */
export const digitFunctions = `
fn advance(digits: vec4<i32>, by: vec4<i32>, radix: vec4<i32>) -> vec4<i32> {
  var sum = digits + by;
  if (sum.w >= radix.w) { sum.w -= radix.w; sum.z += 1; }
  if (sum.z >= radix.z) { sum.z -= radix.z; sum.y += 1; }
  if (sum.y >= radix.y) { sum.y -= radix.y; sum.x += 1; }
  return sum;
}
fn digitsOf(position: i32, radix: vec4<i32>) -> vec4<i32> {
  let size = vec4<u32>(radix);
  var rest = u32(position);
  let w = rest % size.w; rest /= size.w;
  let z = rest % size.z; rest /= size.z;
  let y = rest % size.y; rest /= size.y;
  return vec4<i32>(vec4<u32>(rest, y, z, w));
}`;

/** Digits of a whole number; the first one takes what is left. */
export function digitsOf(value: number, radix: readonly number[]): number[] {
  const digits: number[] = [];
  for (const size of radix.slice(1).toReversed()) {
    digits.unshift(value % size);
    value = Math.floor(value / size);
  }
  return [value, ...digits];
}
