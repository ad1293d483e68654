/** Golden values of Pillow, SciPy and NumPy, made by test/fixtures/data/make.py. */
import { inflateSync } from "node:zlib";

export const fixtures = new URL("../../fixtures/data/", import.meta.url).pathname;

interface Goldens {
  readonly versions: Record<string, string>;
  readonly bicubic: { size: [number, number, number, number]; adler32: number; first: number[] }[];
  readonly spline: { n: number; depth: number; out: string }[];
  readonly distortion: { size: number; pixels: string }[];
  readonly modes: Record<string, { mode: string; size: [number, number]; pixels: string }>;
}

export const goldens = JSON.parse(Deno.readTextFileSync(`${fixtures}goldens.json`)) as Goldens;

/** The bytes that Python's `packed` wrote. */
export function unpack(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(inflateSync(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
}

/** The same noise as `hash_pixels` of make.py. */
export function hashPixels(height: number, width: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, i) => Math.imul(i + seed, 2654435761 | 0) >>> 24);
}

export function adler32(bytes: Uint8Array): number {
  let a = 1, b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
