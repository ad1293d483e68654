/** Operators that only move numbers: cut out, surrounded with zeros, put together. */
import type { Tensor } from "../../tf.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

/** Zeros before and after, for each axis. */
export type Paddings = readonly (readonly [before: number, after: number])[];

export const paddingsAttribute = attribute.type("Tpaddings", dataTypes.TF_INT32);
const indexAttribute = attribute.type("Index", dataTypes.TF_INT32);
const axisAttribute = attribute.type("Tidx", dataTypes.TF_INT32);

/** A block of x; whole rows of a table share its memory. */
export function slice(operators: Operators, x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
  return operators.run("Slice", [float32, indexAttribute], [x, Constant.int32s(begin), Constant.int32s(size)]);
}

/** Zeros around x, for each of its axes. */
export function pad(operators: Operators, x: Tensor, paddings: Paddings): Tensor {
  const amounts = Constant.int32s(paddings.flat(), [paddings.length, 2]);
  return operators.run("Pad", [float32, paddingsAttribute], [x, amounts]);
}

/** The parts one after the other along an axis; consumes them. */
export function joined(operators: Operators, parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 1) return parts[0]!;
  const attributes = [attribute.integer("N", parts.length), float32, axisAttribute];
  return operators.run("ConcatV2", attributes, [...parts, Constant.int32(axis)], parts);
}
