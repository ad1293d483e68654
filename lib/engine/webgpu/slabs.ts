/** Parts of tensors that are small enough to be bound, and grids that are large enough for them. */
import type { Binding, Gpu } from "./gpu.ts";

/** Consecutive rows of a tensor [rows, columns] of float32. */
export interface Slab {
  readonly first: number;
  readonly rows: number;
  /** The same rows of any tensor of this shape. */
  of(binding: Binding): Binding;
}

/** Every offset that devices ask for (at most 256 bytes) is a multiple of this many float32 values. */
const alignedValues = 64;

/**
 * Cuts rows into slabs that can be bound, all but the last of a multiple of `unit` rows.
 * @param unit rows that stay together; a multiple of 64 where `columns` is not one
 */
export function slabsOf(gpu: Gpu, rows: number, columns: number, unit = alignedValues): Slab[] {
  const limit = Math.floor(gpu.limits.maxStorageBufferBindingSize / (4 * columns * unit)) * unit;
  const most = Math.max(limit, unit), slabs: Slab[] = [];
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const part = { offset: 4 * columns * first, size: 4 * columns * count };
    slabs.push({
      first,
      rows: count,
      of: ({ buffer, offset = 0 }) => ({ buffer, ...part, offset: offset + part.offset }),
    });
  }
  return slabs;
}

/** Threads of a workgroup in programs that treat every value alike. */
export const threads = 256;

/** Workgroups in two axes for `count` threads; `flatIndex` numbers those threads. */
export function gridOf(gpu: Gpu, count: number): [number, number, number] {
  const groups = Math.ceil(count / threads), most = gpu.limits.maxComputeWorkgroupsPerDimension;
  const rows = Math.ceil(groups / most);
  return [Math.ceil(groups / rows), rows, 1];
}

/** Parameters of `main`, and the number of its thread. */
export const flatMain = `
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * ${threads}u + local;`;

/** One value of a uniform buffer: unsigned unless it is given as `{ f32 }`. */
export type Uniform = number | { readonly f32: number };

/** Values one after the other, filled up to a multiple of 16 bytes. */
export function uniformsOf(...values: readonly Uniform[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(16 * Math.ceil(values.length / 4)));
  values.forEach((value, index) => {
    if (typeof value === "number") view.setUint32(4 * index, value, true);
    else view.setFloat32(4 * index, value.f32, true);
  });
  return view.buffer;
}
