/**
 * NumPy's .npy format, version 1.0 (little-endian, C order) for float16, float32 and uint8 arrays. Bytes after the
 * array are allowed on reading, as NumPy allows them; the cache keeps its checksum there.
 */
import { DataError } from "../errors.ts";

export type NpyDtype = "float16" | "float32" | "uint8";
export type NpyData = Float16Array | Float32Array | Uint8Array;

export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** A view into the bytes that were parsed where alignment allows. */
  readonly data: NpyData;
  /** Bytes of header and array; anything after that is not NumPy's. */
  readonly byteLength: number;
}

const descriptors: Record<NpyDtype, string> = { float16: "<f2", float32: "<f4", uint8: "|u1" };
const itemBytes: Record<NpyDtype, number> = { float16: 2, float32: 4, uint8: 1 };
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** The bytes of a .npy file; `shape` in C order. */
export function encodeNpy({ shape, data }: { shape: readonly number[]; data: NpyData }): Uint8Array<ArrayBuffer> {
  const dtype = dtypeOf(data);
  if (elementCount(shape) !== data.length) throw new RangeError(`encodeNpy: ${data.length} values for [${shape}]`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const headerBytes = Math.ceil((10 + dictionary.length + 1) / 64) * 64; // NumPy aligns the array to 64 bytes
  const bytes = new Uint8Array(headerBytes + data.byteLength);
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, headerBytes - 10, true);
  bytes.set(new TextEncoder().encode(dictionary.padEnd(headerBytes - 11) + "\n"), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerBytes);
  return bytes;
}

/**
 * Reads a .npy file's bytes; `file` is named in errors.
 * @throws DataError "npy-magic" | "npy-header" | "npy-dtype" | "npy-truncated"
 */
export function decodeNpy(bytes: Uint8Array<ArrayBuffer>, file = "<bytes>"): NpyArray {
  const { text, offset } = headerOf(bytes, file);
  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const tuple = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descriptor === undefined || order === undefined || tuple === undefined) {
    throw new DataError("npy-header", "broken .npy header", { file, expected: "descr, fortran_order and shape" });
  }
  const dtype = (Object.keys(descriptors) as NpyDtype[]).find((name) =>
    descriptors[name].slice(1) === descriptor.slice(1)
  );
  if (dtype === undefined || descriptor.startsWith(">") || order === "True") {
    throw new DataError("npy-dtype", "unsupported .npy array", {
      file,
      expected: "little-endian float16, float32 or uint8 in C order",
      found: `${descriptor}${order === "True" ? ", Fortran order" : ""}`,
    });
  }
  const shape = tuple.split(",").map((part) => part.trim()).filter(Boolean).map(Number);
  const count = elementCount(shape), byteLength = offset + count * itemBytes[dtype];
  if (!Number.isSafeInteger(count) || byteLength > bytes.length) {
    throw new DataError("npy-truncated", "the .npy file is cut short", {
      file,
      expected: `${byteLength} bytes for shape [${shape}]`,
      found: `${bytes.length} bytes`,
    });
  }
  return { dtype, shape, data: viewOf(bytes, offset, count, dtype), byteLength };
}

function headerOf(bytes: Uint8Array, file: string): { text: string; offset: number } {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new DataError("npy-magic", "not a .npy file", { file, expected: "the bytes \\x93NUMPY" });
  }
  const major = bytes[6]!, view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major < 1 || major > 3 || bytes.length < 12) {
    throw new DataError("npy-header", "unknown .npy version", { file, expected: "1, 2 or 3", found: String(major) });
  }
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) {
    throw new DataError("npy-truncated", "the .npy header is cut short", {
      file,
      expected: `${start + length} bytes`,
      found: `${bytes.length} bytes`,
    });
  }
  return { text: new TextDecoder().decode(bytes.subarray(start, start + length)), offset: start + length };
}

function viewOf(bytes: Uint8Array<ArrayBuffer>, offset: number, count: number, dtype: NpyDtype): NpyData {
  const width = itemBytes[dtype];
  const aligned = (bytes.byteOffset + offset) % width === 0;
  const buffer = aligned ? bytes.buffer : bytes.slice(offset, offset + count * width).buffer;
  const start = aligned ? bytes.byteOffset + offset : 0;
  if (dtype === "float16") return new Float16Array(buffer, start, count);
  if (dtype === "float32") return new Float32Array(buffer, start, count);
  return new Uint8Array(buffer, start, count);
}

function dtypeOf(data: NpyData): NpyDtype {
  if (data instanceof Float16Array) return "float16";
  return data instanceof Float32Array ? "float32" : "uint8";
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
