/**
 * The safetensors file format (huggingface.co/docs/safetensors): 8 bytes little-endian header length, a JSON header
 * {name: {dtype, shape, data_offsets}}, then the tensors' bytes without gaps. Python reads these files directly.
 */
import { RunError } from "../errors.ts";
import { elementCount } from "./shape.ts";

const bytesPerElement = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof bytesPerElement;

/** A tensor on the host in C order. Types other than F32 and I64 are kept as their little-endian bytes. */
export type StateTensor =
  | { readonly dtype: "F32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "I64"; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly dtype: Exclude<Dtype, "F32" | "I64">; readonly shape: readonly number[]; readonly data: Uint8Array };

/** Tensors by torch name, in torch's order. */
export type StateDict = Map<string, StateTensor>;

export interface SafetensorsContent {
  readonly tensors: StateDict;
  /** The header's `__metadata__`: strings only. */
  readonly metadata: Record<string, string>;
}

/** The official readers refuse longer headers. */
const longestHeader = 100_000_000;

/** float32 values as a tensor of a state dict. */
export function float32Tensor(shape: readonly number[], data: Float32Array): StateTensor {
  return { dtype: "F32", shape, data };
}

/** Serialises tensors; wide types come first so that everything is aligned. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StateTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const offsets = new Map<string, number>();
  let length = 0;
  const width = (tensor: StateTensor) => bytesPerElement[tensor.dtype];
  for (const [name, tensor] of [...tensors].sort(([, a], [, b]) => width(b) - width(a))) {
    assertSize(name, tensor);
    offsets.set(name, length);
    length += tensor.data.byteLength;
  }
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  for (const [name, { dtype, shape, data }] of tensors) {
    const begin = offsets.get(name)!;
    header[name] = { dtype, shape, data_offsets: [begin, begin + data.byteLength] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, start);
  for (const [name, { data }] of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + offsets.get(name)!);
  }
  return file;
}

/**
 * Reads a safetensors file; the tensors are copies.
 * @param file name for error messages
 * @throws RunError when the header is damaged or tensors are truncated, overlap, leave gaps or have the wrong size
 */
export function decodeSafetensors(bytes: Uint8Array, file?: string): SafetensorsContent {
  const { header, start } = readHeader(bytes, file);
  const { __metadata__: metadata = {}, ...rest } = header;
  const entries = Object.entries(rest).map(([name, entry]) => checkEntry(name, entry, file));
  assertContiguous(entries, bytes.length - start, file);
  const tensors: StateDict = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => {
      const data = bytes.slice(start + begin, start + end);
      return [name, typed(dtype, shape, data)];
    }),
  );
  return { tensors, metadata: metadata as Record<string, string> };
}

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array, file?: string): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) throw damaged("file is shorter than its header", "at least 8 bytes", `${bytes.length}`, file);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > longestHeader || 8 + length > bytes.length) {
    throw damaged("header is cut short", `a header of ${length} bytes`, `${bytes.length - 8} bytes`, file);
  }
  const text = bytes.subarray(8, 8 + length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    throw damaged("header is not JSON", "UTF-8 JSON", (cause as Error).message, file);
  }
  if (!isRecord(header)) throw damaged("header is not an object", "a JSON object", typeof header, file);
  const metadata = header.__metadata__ ?? {};
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw damaged("__metadata__ is not a map of strings", "strings", JSON.stringify(metadata), file);
  }
  return { header, start: 8 + length };
}

function checkEntry(name: string, entry: unknown, file?: string): Entry {
  if (!isRecord(entry)) throw damaged(`tensor "${name}" has no description`, "an object", typeof entry, file);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPerElement, dtype)) {
    throw damaged(`tensor "${name}" has an unknown dtype`, Object.keys(bytesPerElement).join(", "), `${dtype}`, file);
  }
  if (!isSizes(shape)) {
    throw damaged(`tensor "${name}" has a bad shape`, "whole numbers", JSON.stringify(shape), file);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw damaged(`tensor "${name}" has bad offsets`, "[begin, end]", JSON.stringify(offsets), file);
  }
  const [begin, end] = offsets as [number, number];
  const expected = elementCount(shape) * bytesPerElement[dtype as Dtype];
  if (end - begin !== expected) {
    throw damaged(`tensor "${name}" has the wrong size`, `${expected} bytes`, `${end - begin} bytes`, file);
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** The tensors' bytes fill the rest of the file: no overlap, no gap, nothing missing, nothing left over. */
function assertContiguous(entries: readonly Entry[], length: number, file?: string): void {
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position) throw damaged(`tensor "${name}" overlaps another`, `begin ${position}`, `${begin}`, file);
    if (begin > position) throw damaged(`gap before tensor "${name}"`, `begin ${position}`, `${begin}`, file);
    position = end;
  }
  if (position !== length) {
    const problem = position > length ? "file is cut short" : "bytes after the last tensor";
    throw damaged(problem, `${position} bytes of tensors`, `${length}`, file);
  }
}

function assertSize(name: string, { dtype, shape, data }: StateTensor): void {
  const expected = elementCount(shape) * bytesPerElement[dtype];
  if (name !== "__metadata__" && data.byteLength === expected) return;
  throw damaged(`tensor "${name}" cannot be written`, `${expected} bytes`, `${data.byteLength} bytes`);
}

function typed(dtype: Dtype, shape: readonly number[], data: Uint8Array): StateTensor {
  if (dtype === "F32") return { dtype, shape, data: new Float32Array(data.buffer) };
  if (dtype === "I64") return { dtype, shape, data: new BigInt64Array(data.buffer) };
  return { dtype, shape, data };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(message: string, expected: string, found: string, file?: string): RunError {
  return new RunError("safetensors.damaged", message, { expected, found, ...(file === undefined ? {} : { file }) });
}
