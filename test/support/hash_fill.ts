/** The portable fill of the network oracles (`util.hashfill`), in torch's order. */
import { elementCount } from "../../lib/nn/shape.ts";
import type { StateDict } from "../../lib/nn/safetensors.ts";
import type { StateShape } from "../../lib/nn/state_shapes.ts";

/** u(i, s) in [−0.5, 0.5). */
export function hashFill(i: number, seed: number): number {
  let x = (Math.imul(i + 1, 0x9e3779b1) + Math.imul(seed + 1, 0x85ebca77)) >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return (x >>> 0) / 2 ** 32 - 0.5;
}

export function hashFilled(shape: readonly number[], seed: number, offset = 0, scale = 1): Float32Array {
  const values = new Float32Array(elementCount(shape));
  for (let i = 0; i < values.length; i++) values[i] = offset + scale * hashFill(i, seed);
  return values;
}

/** The weights that the oracles `model.*` describe, for a network of these names and shapes in state_dict order. */
export function hashFillState(like: StateDict | ReadonlyMap<string, StateShape>): StateDict {
  const filled: StateDict = new Map();
  let seed = 0;
  for (const [name, { dtype, shape }] of like) {
    if (dtype === "F32") filled.set(name, { dtype, shape, data: fillFor(name, shape, seed++) });
  }
  return filled;
}

function fillFor(name: string, shape: readonly number[], seed: number): Float32Array {
  if (name.endsWith("running_mean") || name.endsWith("bias")) return hashFilled(shape, seed, 0, 0.1);
  if (name.endsWith("running_var")) return hashFilled(shape, seed, 1, 0.5);
  if (shape.length === 1) return hashFilled(shape, seed, 1, 0.2);
  const fanIn = elementCount(shape) / shape[0]!;
  return hashFilled(shape, seed, 0, Math.sqrt(24 / fanIn));
}
