/**
 * Initial weights with PyTorch's distributions. Each tensor is drawn in torch's order from a stream of its own, named
 * by the seed and the tensor's name: the same weights on every engine, whatever else the network holds.
 */
import { randomStream } from "../random.ts";
import { elementCount } from "./shape.ts";

/** Draws one tensor in torch's layout. */
export type Initial = (shape: readonly number[], seed: number, name: string) => Float32Array;

export const zeros: Initial = (shape) => new Float32Array(elementCount(shape));
export const ones: Initial = (shape) => new Float32Array(elementCount(shape)).fill(1);

/** N(0, σ²) with a fixed σ. */
export const normal = (standardDeviation: number): Initial => (shape, seed, name) =>
  normals(elementCount(shape), standardDeviation, seed, name);

/** kaiming_normal_(mode="fan_out", nonlinearity="relu"): σ = √(2/fan_out), fan_out = out·kD·kH·kW. */
export const kaimingNormalFanOut: Initial = (shape, seed, name) => {
  const fanOut = elementCount(shape) / shape[1]!;
  return normals(elementCount(shape), Math.sqrt(2 / fanOut), seed, name);
};

/** PyTorch's default for convolutions and linear layers, kaiming_uniform_(a=√5): U(−1/√fan_in, 1/√fan_in). */
export const uniformFanIn: Initial = (shape, seed, name) =>
  uniformWithin(1 / Math.sqrt(elementCount(shape) / shape[0]!))(shape, seed, name);

/** U(−bound, bound). */
export const uniformWithin = (bound: number): Initial => (shape, seed, name) => {
  const stream = randomStream(seed, "init", name);
  return new Float32Array(elementCount(shape)).map(() => bound * (2 * stream.uniform() - 1));
};

/** Both deviates of each Box-Muller pair are used: a large network draws 33 million. */
function normals(count: number, standardDeviation: number, seed: number, name: string): Float32Array {
  const stream = randomStream(seed, "init", name);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - stream.uniform()));
    const angle = 2 * Math.PI * stream.uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
