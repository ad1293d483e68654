/**
 * Philox 4×32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC'11),
 * and the dropout masks drawn from it. Every engine draws the same mask for the same stream (see `DropoutStream`); on
 * TensorFlow it is `StatelessRandomUniformV2` with alg = 1.
 */
import type { DropoutStream } from "./types.ts";

export type Words4 = readonly [number, number, number, number];

const multiplier0 = 0xd2511f53, multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9, weyl1 = 0xbb67ae85;
export const philoxConstants = { multiplier0, multiplier1, weyl0, weyl1, rounds: 10 } as const;

/** Upper 32 bits of the 64-bit product of two unsigned 32-bit numbers, as an int32. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0;
}

/** One block: four 32-bit words for a 128-bit counter (least significant word first) and a 64-bit key. */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < philoxConstants.rounds; round++) {
    const high0 = multiplyHigh(multiplier0, c0), low0 = Math.imul(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2), low1 = Math.imul(multiplier1, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** The counter of block `g` of a stream: `g` is added to the low 64-bit half, which wraps around. */
export function blockCounter({ counter: [low, high] }: DropoutStream, g: number): Words4 {
  const sum = low + g;
  return [sum >>> 0, Math.floor(sum / 0x100000000) >>> 0, high >>> 0, Math.floor(high / 0x100000000) >>> 0];
}

/** The first `length` uniform numbers of a stream: low 23 bits of each word over 2^23, in [0, 1). */
export function philoxUniform(stream: DropoutStream, length: number): Float32Array {
  const uniform = new Float32Array(length);
  for (let i = 0; i < length; i += 4) {
    const words = philox4x32(blockCounter(stream, i / 4), stream.key);
    for (let lane = 0; lane < 4 && i + lane < length; lane++) {
      uniform[i + lane] = (words[lane as 0 | 1 | 2 | 3] & 0x7fffff) / 0x800000;
    }
  }
  return uniform;
}

/** The smallest 23-bit number that is kept: u ≥ rate with both in float32, as TensorFlow compares them. */
export function keepThreshold(rate: number): number {
  return Math.ceil(Math.fround(rate) * 0x800000);
}

/** What kept elements are multiplied by, in float32. */
export function dropoutScale(rate: number): number {
  return Math.fround(1 / (1 - rate));
}

/** 1 for each element that dropout keeps (u ≥ rate), 0 for each that it drops. */
export function dropoutMask(stream: DropoutStream, rate: number, length: number): Uint8Array {
  const threshold = Math.fround(rate);
  return Uint8Array.from(philoxUniform(stream, length), (u) => u >= threshold ? 1 : 0);
}
