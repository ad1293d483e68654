/** Attributes of an operator, as tfjs-node's kernels describe them, onto a TFE_Op. */
import { EngineError } from "../../errors.ts";
import { cString } from "./c_strings.ts";
import type { Functions, Pointer } from "./ffi.ts";
import type { Status } from "./status.ts";
import { attributeTypes } from "./types.ts";

export interface OpAttribute {
  readonly name: string;
  /** One of `attributeTypes`. */
  readonly type: number;
  readonly value: unknown;
}

const encoder = new TextEncoder();

export function setAttribute(c: Functions, op: Pointer, { name, type, value }: OpAttribute, status: Status): void {
  const key = cString(name);
  switch (type) {
    case attributeTypes.TF_ATTR_STRING: {
      if (Array.isArray(value)) return setStrings(c, op, key, value as string[]);
      const bytes = encoder.encode(value as string);
      return c.TFE_OpSetAttrString(op, key, bytes, BigInt(bytes.length));
    }
    case attributeTypes.TF_ATTR_INT:
      if (!isList(value)) return c.TFE_OpSetAttrInt(op, key, value as number | bigint as bigint);
      return c.TFE_OpSetAttrIntList(op, key, int64s(value), value.length);
    case attributeTypes.TF_ATTR_FLOAT:
      if (!isList(value)) return c.TFE_OpSetAttrFloat(op, key, value as number);
      return c.TFE_OpSetAttrFloatList(op, key, Float32Array.from(value), value.length);
    case attributeTypes.TF_ATTR_BOOL:
      if (!isList(value)) return c.TFE_OpSetAttrBool(op, key, value ? 1 : 0);
      return c.TFE_OpSetAttrBoolList(op, key, Uint8Array.from(value, (flag) => flag ? 1 : 0), value.length);
    case attributeTypes.TF_ATTR_TYPE:
      if (!isList(value)) return c.TFE_OpSetAttrType(op, key, value as number);
      return c.TFE_OpSetAttrTypeList(op, key, Int32Array.from(value), value.length);
    case attributeTypes.TF_ATTR_SHAPE: {
      if (!isList(value)) break;
      c.TFE_OpSetAttrShape(op, key, int64s(value), value.length, status.pointer);
      return status.check(`attribute ${name}`);
    }
  }
  throw new EngineError(
    "engine.tensorflow.attribute",
    `attribute "${name}" has a type or value that is not supported`,
    {
      found: `type ${type}, value ${JSON.stringify(value)}`,
    },
  );
}

function setStrings(c: Functions, op: Pointer, key: Pointer, texts: readonly string[]): void {
  const pointers = texts.map((text) => Deno.UnsafePointer.value(cString(text)));
  const lengths = texts.map((text) => BigInt(encoder.encode(text).length));
  c.TFE_OpSetAttrStringList(op, key, BigUint64Array.from(pointers), BigUint64Array.from(lengths), texts.length);
}

function isList(value: unknown): value is number[] {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function int64s(values: readonly number[]): BigInt64Array<ArrayBuffer> {
  // At least one element: an empty buffer has no address to pass.
  const list = new BigInt64Array(Math.max(1, values.length));
  for (let i = 0; i < values.length; i++) list[i] = BigInt(values[i]!);
  return list;
}
