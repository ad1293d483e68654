/** Numbers of TF_DataType (tensorflow/c/tf_datatype.h) and TF_AttrType, under the names that tfjs-node uses. */
export const dataTypes = {
  TF_FLOAT: 1,
  TF_INT32: 3,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_INT64: 9,
  TF_BOOL: 10,
  TF_RESOURCE: 20,
  TF_UINT64: 23,
} as const;

export const attributeTypes = {
  TF_ATTR_STRING: 0,
  TF_ATTR_INT: 1,
  TF_ATTR_FLOAT: 2,
  TF_ATTR_BOOL: 3,
  TF_ATTR_TYPE: 4,
  TF_ATTR_SHAPE: 5,
  TF_ATTR_RESOURCE: 12,
} as const;

/** How elements of each type travel: the typed array, and how many of its elements make one of the tensor. */
export interface ElementLayout {
  readonly array: typeof Float32Array | typeof Int32Array | typeof Uint8Array | typeof BigUint64Array;
  readonly perElement: 1 | 2;
}

/** int64 travels as low and high int32 words (tfjs-node's `Int64Scalar`), complex64 as real and imaginary parts. */
export const layouts: ReadonlyMap<number, ElementLayout> = new Map<number, ElementLayout>([
  [dataTypes.TF_FLOAT, { array: Float32Array, perElement: 1 }],
  [dataTypes.TF_INT32, { array: Int32Array, perElement: 1 }],
  [dataTypes.TF_UINT8, { array: Uint8Array, perElement: 1 }],
  [dataTypes.TF_BOOL, { array: Uint8Array, perElement: 1 }],
  [dataTypes.TF_INT64, { array: Int32Array, perElement: 2 }],
  [dataTypes.TF_COMPLEX64, { array: Float32Array, perElement: 2 }],
  [dataTypes.TF_UINT64, { array: BigUint64Array, perElement: 1 }],
]);

export function typeName(dtype: number): string {
  return Object.entries(dataTypes).find(([, number]) => number === dtype)?.[0] ?? `TF_DataType ${dtype}`;
}
