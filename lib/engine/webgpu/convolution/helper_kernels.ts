/** Small kernels around the matrix products: weights in the order the product reads them, sums of partial sums. */

/** Side of the square that a workgroup of `packKernel` moves. */
export const packSide = 16;

/**
 * Weights [taps, in, out] → [chosen taps, rows of a tap, columns rounded up to a multiple of 4], the rest zeros. A square at a
 * time through workgroup memory, so that reading and writing both run along memory where the factor is transposed.
 * Bindings: weights; packed; sizes. Workgroups: columns, rows, taps in squares.
 */
export const packKernel = `
struct Sizes {
  taps: vec4<i32>,   // chosen taps along depth, height, width; rows of a tap
  first: vec4<i32>,  // first of them along each axis; columns
  next: vec4<i32>,   // from one to the next; 1 where rows run along \`out\` (transposed), else 0
  kernel: vec4<i32>, // taps of the kernel along depth, height, width; columns rounded up
}
@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;
@group(0) @binding(2) var<uniform> s: Sizes;

var<workgroup> square: array<f32, ${packSide * (packSide + 1)}>;

@compute @workgroup_size(${packSide}, ${packSide})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let chosen = i32(group.z);
  let tap = s.first.xyz + s.next.xyz *
    vec3<i32>(chosen / (s.taps.y * s.taps.z), (chosen / s.taps.z) % s.taps.y, chosen % s.taps.z);
  let start = ((tap.x * s.kernel.y + tap.y) * s.kernel.z + tap.z) * s.taps.w * s.first.w;
  let column = i32(group.x) * ${packSide};
  let row = i32(group.y) * ${packSide};
  let i = i32(local.x);
  let j = i32(local.y);
  var value = 0.0;
  if (s.next.w == 1) {
    // weights [in = columns, out = rows]
    if (column + j < s.first.w && row + i < s.taps.w) { value = weights[start + (column + j) * s.taps.w + row + i]; }
    square[i * ${packSide + 1} + j] = value;
  } else {
    if (row + j < s.taps.w && column + i < s.first.w) { value = weights[start + (row + j) * s.first.w + column + i]; }
    square[j * ${packSide + 1} + i] = value;
  }
  workgroupBarrier();
  if (row + j < s.taps.w && column + i < s.kernel.w) {
    packed[(chosen * s.taps.w + row + j) * s.kernel.w + column + i] = square[j * ${packSide + 1} + i];
  }
}`;

export const sumThreads = 256;

/** Bindings: parts [count, length]; sums [length]; sizes. Adds in the order of the parts: the same bits every time. */
export const sumKernel = `
struct Sizes { length: i32, count: i32, width: i32, first: i32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> s: Sizes;

@compute @workgroup_size(${sumThreads})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = i32(id.x) + i32(id.y) * s.width;
  if (i >= s.length) { return; }
  var sum = 0.0;
  for (var part = 0; part < s.count; part++) { sum += parts[part * s.length + i]; }
  sums[s.first + i] = sum;
}`;
