/** JavaScript values into TF_Tensors and back. Memory is TensorFlow's own; values are copied in and out. */
import { EngineError } from "../../errors.ts";
import { outOfMemory } from "../out_of_memory.ts";
import type { Functions, Pointer } from "./ffi.ts";
import { dataTypes, layouts, typeName } from "./types.ts";

export type Values = Float32Array | Int32Array | Uint8Array | BigUint64Array | readonly Uint8Array[];
export type TypedValues = Float32Array | Int32Array | Uint8Array | BigUint64Array;

/** sizeof(TF_TString) since TensorFlow 2.4. */
const stringSize = 24;
const maxRank = 16;
const dimensions = new BigInt64Array(new ArrayBuffer(8 * maxRank));

/** A new TF_Tensor holding a copy of `values`; the caller deletes it. */
export function newTensor(c: Functions, shape: readonly number[], dtype: number, values: Values): Pointer {
  if (shape.length > maxRank) throw mismatch(dtype, `rank up to ${maxRank}`, `rank ${shape.length}`);
  for (let axis = 0; axis < shape.length; axis++) dimensions[axis] = BigInt(shape[axis]!);
  const count = shape.reduce((product, size) => product * size, 1);
  return dtype === dataTypes.TF_STRING
    ? newStringTensor(c, shape.length, count, values)
    : newNumberTensor(c, shape.length, count, dtype, values);
}

function newNumberTensor(c: Functions, rank: number, count: number, dtype: number, values: Values): Pointer {
  const layout = layouts.get(dtype);
  if (layout === undefined) throw mismatch(dtype, "a type that JavaScript can hold", typeName(dtype));
  const array = values as TypedValues;
  if (!(array instanceof layout.array)) {
    throw mismatch(dtype, layout.array.name, (values as object).constructor.name);
  }
  if (array.length !== count * layout.perElement) {
    throw mismatch(dtype, `${count * layout.perElement} values`, `${array.length}`);
  }
  const tensor = allocate(c, dtype, rank, array.byteLength);
  if (array.byteLength > 0) {
    c.memcpy(c.TF_TensorData(tensor), array as TypedValues & BufferSource, BigInt(array.byteLength));
  }
  return tensor;
}

function newStringTensor(c: Functions, rank: number, count: number, values: Values): Pointer {
  const strings = values as readonly Uint8Array[];
  if (strings.length !== count) throw mismatch(dataTypes.TF_STRING, `${count} strings`, `${strings.length}`);
  const tensor = allocate(c, dataTypes.TF_STRING, rank, count * stringSize);
  const data = c.TF_TensorData(tensor);
  for (let i = 0; i < count; i++) {
    const slot = offset(data, i * stringSize);
    const bytes = strings[i]!;
    c.TF_StringInit(slot);
    if (bytes.byteLength > 0) c.TF_StringCopy(slot, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.byteLength));
  }
  return tensor;
}

function allocate(c: Functions, dtype: number, rank: number, bytes: number): Pointer {
  const tensor = c.TF_AllocateTensor(dtype, dimensions, rank, BigInt(bytes));
  if (tensor !== null) return tensor;
  throw outOfMemory(`no memory for a tensor of ${bytes} bytes`);
}

/** Copy of a tensor's elements, in the layout of `layouts`; strings and resources as bytes. */
export function tensorValues(c: Functions, tensor: Pointer, dtype: number): TypedValues | Uint8Array[] {
  const bytes = Number(c.TF_TensorByteSize(tensor));
  const data = c.TF_TensorData(tensor);
  if (dtype === dataTypes.TF_STRING) return stringValues(c, data, bytes / stringSize);
  const buffer = new ArrayBuffer(bytes);
  if (bytes > 0 && data !== null) new Deno.UnsafePointerView(data).copyInto(new Uint8Array(buffer));
  if (dtype === dataTypes.TF_RESOURCE) return new Uint8Array(buffer);
  if (dtype === dataTypes.TF_INT64) return narrow(new BigInt64Array(buffer));
  const layout = layouts.get(dtype);
  if (layout === undefined) throw mismatch(dtype, "a type that JavaScript can hold", typeName(dtype));
  return new layout.array(buffer);
}

function stringValues(c: Functions, data: Pointer, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const slot = offset(data, i * stringSize);
    const bytes = new Uint8Array(Number(c.TF_StringGetSize(slot)));
    const text = c.TF_StringGetDataPointer(slot);
    if (bytes.length > 0 && text !== null) new Deno.UnsafePointerView(text).copyInto(bytes);
    return bytes;
  });
}

/** TensorFlow.js has no int64: values are handed over as int32, and refused where that would change them. */
function narrow(values: BigInt64Array): Int32Array {
  const narrowed = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    narrowed[i] = Number(values[i]);
    if (BigInt(narrowed[i]!) !== values[i]) throw mismatch(dataTypes.TF_INT64, "32-bit values", String(values[i]));
  }
  return narrowed;
}

function offset(pointer: Pointer, bytes: number): Pointer {
  return Deno.UnsafePointer.offset(pointer!, bytes);
}

function mismatch(dtype: number, expected: string, found: string): EngineError {
  return new EngineError("engine.tensorflow.values", `values do not fit a ${typeName(dtype)} tensor`, {
    expected,
    found,
  });
}
