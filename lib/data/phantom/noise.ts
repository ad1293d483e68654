/**
 * Smooth random fields. Only additions, products and square roots are used, so that the same seed gives the same bits
 * on every machine.
 */
import type { RandomStream } from "../../random.ts";

/** A periodic cube of random numbers in [−1, 1], interpolated with a quintic fade (value noise). */
export interface NoiseField {
  /** Value in [−1, 1] at a point given in millimetres. */
  at(x: number, y: number, z: number): number;
}

const cells = 16;
const mask = cells - 1;

/** `wavelengthMm`: distance between lattice points; the field repeats after 16 of them. */
export function noiseField(random: RandomStream, wavelengthMm: number): NoiseField {
  const lattice = new Float32Array(cells ** 3);
  for (let i = 0; i < lattice.length; i++) lattice[i] = 2 * random.uniform() - 1;
  const scale = 1 / wavelengthMm;
  const corner = (x: number, y: number, z: number) => lattice[((z & mask) * cells + (y & mask)) * cells + (x & mask)]!;
  return {
    at(x, y, z) {
      const px = x * scale, py = y * scale, pz = z * scale;
      const x0 = Math.floor(px), y0 = Math.floor(py), z0 = Math.floor(pz);
      const u = fade(px - x0), v = fade(py - y0), w = fade(pz - z0);
      const plane = (zi: number) =>
        mix(
          mix(corner(x0, y0, zi), corner(x0 + 1, y0, zi), u),
          mix(corner(x0, y0 + 1, zi), corner(x0 + 1, y0 + 1, zi), u),
          v,
        );
      return mix(plane(z0), plane(z0 + 1), w);
    },
  };
}

const fade = (t: number) => t * t * t * (t * (6 * t - 15) + 10);

export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
export const clamp01 = (t: number): number => t < 0 ? 0 : t > 1 ? 1 : t;

/** 0 below `low`, 1 above `high`, 3t² − 2t³ between. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = clamp01((value - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/** Uniform in [low, high). */
export const between = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * random.uniform();

/** Bell-shaped in (low, high): mean of three uniform numbers. */
export const bell = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * (random.uniform() + random.uniform() + random.uniform()) / 3;

/** True with the given probability. */
export const chance = (random: RandomStream, probability: number): boolean => random.uniform() < probability;

/** Piecewise linear curve through points [t, value], constant outside. */
export function curve(points: readonly (readonly [number, number])[], t: number): number {
  if (t <= points[0]![0]) return points[0]![1];
  for (let i = 1; i < points.length; i++) {
    const [t1, v1] = points[i]!;
    const [t0, v0] = points[i - 1]!;
    if (t <= t1) return mix(v0, v1, smoothstep(t0, t1, t));
  }
  return points[points.length - 1]![1];
}

/** Fast approximately normal noise for pixels: xorshift32, sum of the four bytes, mean 0, standard deviation 1. */
export function pixelNoise(seed: number): () => number {
  let state = (seed | 0) || 0x9e3779b9;
  const scale = 1 / Math.sqrt(4 * (256 * 256 - 1) / 12);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // The low bits of xorshift are the weaker ones: a multiplication spreads them first.
    const bits = Math.imul(state, 0x9e3779b1);
    return ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) * scale;
  };
}
