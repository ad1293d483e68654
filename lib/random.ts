/**
 * Seeded random streams. Every stream is derived from one seed and a path of labels ("shuffle", epoch 3), so nothing
 * has to be saved to continue a run: the same place in the work always draws the same numbers.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";

export type Label = string | number;

/** 32-bit hash (FNV-1a with a murmur finaliser) of a seed and a path of labels. */
export function deriveSeed(seed: number, ...path: readonly Label[]): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify([seed, ...path]))) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A stream of random numbers; the same seed and path give the same stream on every machine. */
export interface RandomStream {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [low, high], both included. */
  integer(low: number, high: number): number;
  /** Normal deviate (Box-Muller). */
  normal(mean?: number, standardDeviation?: number): number;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  pick<T>(items: readonly T[]): T;
}

export function randomStream(seed: number, ...path: readonly Label[]): RandomStream {
  const generator = xoroshiro128plus(deriveSeed(seed, ...path));
  const integer = (low: number, high: number) => uniformInt(generator, low, high);
  const uniform = () => ((generator.next() >>> 5) * 0x4000000 + (generator.next() >>> 6)) / 0x20000000000000;
  return {
    uniform,
    integer,
    normal(mean = 0, standardDeviation = 1) {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return mean + standardDeviation * radius * Math.cos(2 * Math.PI * uniform());
    },
    shuffle<T>(items: readonly T[]): T[] {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError("pick: no items");
      return items[integer(0, items.length - 1)]!;
    },
  };
}
