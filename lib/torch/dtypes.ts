/** torch's number types that are read, with their widths and the storage classes that hold them. */

const widths = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
} as const;

/** A number type by torch's name. Complex, quantised and 8-bit floating-point types are refused by name. */
export type TorchDtype = keyof typeof widths;

export const torchDtypes = Object.keys(widths) as readonly TorchDtype[];

/** Bytes of one element. */
export function bytesPerElement(dtype: TorchDtype): number {
  return widths[dtype];
}

export function isTorchDtype(name: string): name is TorchDtype {
  return Object.hasOwn(widths, name);
}

/** Classes of module `torch` that name a typed storage; wider types than these travel as an untyped storage. */
export const storageClasses = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  CharStorage: "int8",
  ShortStorage: "int16",
  IntStorage: "int32",
  LongStorage: "int64",
  ByteStorage: "uint8",
  BoolStorage: "bool",
} as const satisfies Record<string, TorchDtype>;

/** Number types of torch that are known and not read. */
export const refusedDtypes: ReadonlySet<string> = new Set(
  "complex32 complex64 complex128 cfloat cdouble chalf qint8 qint32 quint8 quint4x2 quint2x4 bits8 bits16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2"
    .split(" "),
);
export const refusedStorages: ReadonlySet<string> = new Set(
  "ComplexFloatStorage ComplexDoubleStorage QInt8Storage QInt32Storage QUInt8Storage QUInt4x2Storage QUInt2x4Storage"
    .split(" "),
);

/** C-ordered numbers; float16 and bfloat16 are widened to float32, bool is 0 or 1. */
export type TorchArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Numbers from little-endian bytes; a view of them where type and alignment allow it, else a copy. */
export function numbersFromBytes(dtype: TorchDtype, bytes: Uint8Array): TorchArray {
  if (dtype === "uint8") return bytes;
  if (dtype === "bool") return bytes.map((byte) => byte === 0 ? 0 : 1);
  const width = widths[dtype], count = bytes.length / width;
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float64":
      return new Float64Array(buffer, byteOffset, count);
    case "float16":
      return new Float32Array(new Float16Array(buffer, byteOffset, count));
    case "bfloat16":
      return widenBfloat16(new Uint16Array(buffer, byteOffset, count));
    case "int8":
      return new Int8Array(buffer, byteOffset, count);
    case "int16":
      return new Int16Array(buffer, byteOffset, count);
    case "int32":
      return new Int32Array(buffer, byteOffset, count);
    case "int64":
      return new BigInt64Array(buffer, byteOffset, count);
    case "uint16":
      return new Uint16Array(buffer, byteOffset, count);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, count);
    case "uint64":
      return new BigUint64Array(buffer, byteOffset, count);
  }
}

/** bfloat16 is the upper half of a float32. */
function widenBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** Reverses the bytes of each element; a copy. */
export function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += width) {
    for (let k = 0; k < width; k++) swapped[start + k] = bytes[start + width - 1 - k]!;
  }
  return swapped;
}
