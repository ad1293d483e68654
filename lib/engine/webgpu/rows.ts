/**
 * How programs walk over a tensor [rows, channels]: a workgroup takes a chunk of rows and a block of channels, a thread
 * every `lanes`-th row of them in one column: four channels where their number allows it, else one.
 */
import type * as tf from "../../tf.ts";
import type { Binding, Gpu, Program } from "./gpu.ts";
import { slabsOf, threads, type Uniform, uniformsOf } from "./slabs.ts";

export interface Rows {
  readonly rows: number;
  readonly channels: number;
  /** WGSL type of a column's values. */
  readonly type: "f32" | "vec4<f32>";
  readonly columns: number;
  /** Columns of a workgroup, a power of two. */
  readonly width: number;
  /** Rows that a workgroup has in hand at once, a power of two. */
  readonly lanes: number;
  readonly chunkRows: number;
  readonly chunks: number;
}

/** Enough workgroups for the largest cards; sums of a chunk stay short. */
const mostChunks = 2048;

export function rowsOf({ shape, size }: tf.Tensor): Rows {
  const channels = shape[shape.length - 1]!, rows = size / channels;
  const type = channels % 4 === 0 ? "vec4<f32>" : "f32", columns = channels % 4 === 0 ? channels / 4 : channels;
  const width = Math.min(type === "f32" ? 32 : 16, 2 ** Math.ceil(Math.log2(columns)));
  const lanes = threads / width, unit = Math.max(64, 4 * lanes); // 64: slabs of whole chunks can be bound
  const chunkRows = unit * Math.ceil(rows / (unit * mostChunks));
  return { rows, channels, type, columns, width, lanes, chunkRows, chunks: Math.ceil(rows / chunkRows) };
}

/** What programs over rows have in common; T is the type of a column's values. */
export const rowsPrelude = ({ type, width, lanes }: Rows) => `
alias T = ${type};
const width = ${width}u;
const lanes = ${lanes}u;
struct Uniforms { rows: u32, columns: u32, chunkRows: u32, firstChunk: u32 }
`;

/** Starts `main` with this thread's `column`, `lane` and the rows `first` + lane … `last` − 1 of its chunk. */
export const rowsMain = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = workgroup.y * width + local % width;
  let lane = local / width;
  let first = workgroup.x * u.chunkRows;
  let last = select(first, min(first + u.chunkRows, u.rows), column < u.columns);
`;

export interface RowsProgram extends Pick<Program, "label" | "code"> {
  /** Tensors [rows, channels], then tables that every workgroup sees whole. */
  readonly inputs: readonly Binding[];
  readonly tables: readonly Binding[];
  readonly outputs: readonly Binding[];
  /** Tables that are written, after the outputs. */
  readonly tablesOut?: readonly Binding[];
}

/** Runs a program over all chunks, slab by slab. */
export function runRows(gpu: Gpu, layout: Rows, { label, code, inputs, tables, outputs, tablesOut = [] }: RowsProgram) {
  const { rows, channels, columns, width, chunkRows } = layout;
  for (const slab of slabsOf(gpu, rows, channels, chunkRows)) {
    const cut = (bindings: readonly Binding[]) => bindings.map((binding) => slab.of(binding));
    gpu.run({
      label,
      code,
      inputs: [...cut(inputs), ...tables],
      outputs: [...cut(outputs), ...tablesOut],
      uniforms: uniformsOf(slab.rows, columns, chunkRows, slab.first / chunkRows),
      workgroups: [Math.ceil(slab.rows / chunkRows), Math.ceil(columns / width), 1],
    });
  }
}

/** Threads that put the chunks of one column together. */
export const finishThreads = 64;

/** Runs a program with one workgroup of `finishThreads` for each column. */
export function runColumns(
  gpu: Gpu,
  { rows, columns, chunks, chunkRows }: Rows,
  program: Pick<Program, "label" | "code" | "inputs" | "outputs">,
  ...numbers: readonly Uniform[]
): void {
  const uniforms = uniformsOf(rows, columns, chunks, chunkRows, ...numbers);
  gpu.run({ ...program, uniforms, workgroups: [columns, 1, 1] });
}
