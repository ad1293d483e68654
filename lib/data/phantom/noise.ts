/**
 * Smooth random fields. Only additions, products and square roots are used, so that the same seed gives the same bits
 * on every machine.
 */
import type { RandomStream } from "../../random.ts";

/** A periodic cube of random numbers in [−1, 1], interpolated with a quintic fade (value noise), turned at random. */
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
  // A turned lattice does not show its axes in the picture.
  const [[ux, uy, uz], [vx, vy, vz], [wx, wy, wz]] = randomAxes(random, 1 / wavelengthMm);
  return {
    at(x, y, z) {
      const px = ux * x + uy * y + uz * z, py = vx * x + vy * y + vz * z, pz = wx * x + wy * y + wz * z;
      const fx = Math.floor(px), fy = Math.floor(py), fz = Math.floor(pz);
      const u = fade(px - fx), v = fade(py - fy), w = fade(pz - fz);
      const x0 = fx & mask, x1 = (fx + 1) & mask;
      const y0 = (fy & mask) * cells, y1 = ((fy + 1) & mask) * cells;
      const z0 = (fz & mask) * cells * cells, z1 = ((fz + 1) & mask) * cells * cells;
      const a = lattice[z0 + y0 + x0]!, b = lattice[z0 + y1 + x0]!;
      const c = lattice[z1 + y0 + x0]!, d = lattice[z1 + y1 + x0]!;
      const ab = a + (lattice[z0 + y0 + x1]! - a) * u, bb = b + (lattice[z0 + y1 + x1]! - b) * u;
      const cb = c + (lattice[z1 + y0 + x1]! - c) * u, db = d + (lattice[z1 + y1 + x1]! - d) * u;
      const near = ab + (bb - ab) * v, far = cb + (db - cb) * v;
      return near + (far - near) * w;
    },
  };
}

const fade = (t: number) => t * t * t * (t * (6 * t - 15) + 10);

type Axis = readonly [number, number, number];

/** Three perpendicular vectors of the given length (Gram-Schmidt on a random pair). */
function randomAxes(random: RandomStream, length: number): readonly [Axis, Axis, Axis] {
  const scaled = ([x, y, z]: Axis, to: number): Axis => {
    const factor = to / Math.sqrt(x * x + y * y + z * z);
    return [x * factor, y * factor, z * factor];
  };
  const first = scaled([between(random, 0.3, 1), between(random, -1, 1), between(random, -1, 1)], 1);
  const other: Axis = [between(random, -1, 1), between(random, 0.3, 1), between(random, -0.3, 0.3)];
  const dot = first[0] * other[0] + first[1] * other[1] + first[2] * other[2];
  const second = scaled([other[0] - dot * first[0], other[1] - dot * first[1], other[2] - dot * first[2]], 1);
  const third: Axis = [
    first[1] * second[2] - first[2] * second[1],
    first[2] * second[0] - first[0] * second[2],
    first[0] * second[1] - first[1] * second[0],
  ];
  return [scaled(first, length), scaled(second, length), scaled(third, length)];
}

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
