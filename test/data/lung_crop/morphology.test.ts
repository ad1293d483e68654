/** Bits, morphology and components against the plain definitions, voxel by voxel. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BitVolume } from "../../../lib/data/lung_crop/bit_volume.ts";
import { components, labelAt, select, touchingBorder } from "../../../lib/data/lung_crop/components.ts";
import {
  closeVertically,
  dilateBall,
  dilateDisc,
  erodeBall,
  openDisc,
} from "../../../lib/data/lung_crop/morphology.ts";
import { hashPixels } from "../support/goldens.ts";

interface Case {
  readonly size: { readonly depth: number; readonly height: number; readonly width: number };
  readonly bytes: Uint8Array;
  readonly mask: BitVolume;
}

/** Volumes with widths about and beyond one word of bits, from sparse to dense. */
const volume = fc.record({
  depth: fc.integer({ min: 1, max: 5 }),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.constantFrom(1, 7, 31, 32, 33, 64, 70),
  seed: fc.nat(10_000),
  threshold: fc.integer({ min: 0, max: 256 }),
}).map(({ seed, threshold, ...size }): Case => {
  const grey = hashPixels(1, size.depth * size.height * size.width, seed);
  return { size, bytes: grey.map((value) => Number(value < threshold)), mask: BitVolume.below(grey, size, threshold) };
});

/** Whether any (dilation) or every (erosion) voxel at the offsets is set; outside counts as `outside`. */
function brute(
  { size: { depth, height, width }, bytes }: Case,
  offsets: readonly number[][],
  outside: 0 | 1,
): Uint8Array {
  return bytes.map((_, i) => {
    const x = i % width, y = Math.floor(i / width) % height, z = Math.floor(i / width / height);
    const values = offsets.map(([dz = 0, dy = 0, dx = 0]) => {
      const inside = z + dz >= 0 && z + dz < depth && y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
      return inside ? bytes[((z + dz) * height + y + dy) * width + x + dx]! : outside;
    });
    return outside === 0 ? Math.max(...values) : Math.min(...values);
  });
}

const span = (radius: number) => Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
const ball = (r: number) =>
  span(r).flatMap((z) => span(r).flatMap((y) => span(r).map((x) => [z, y, x]))).filter(([z, y, x]) =>
    z! ** 2 + y! ** 2 + x! ** 2 <= r * r
  );
const disc = (r: number) => ball(r).filter(([z]) => z === 0);
const line = (r: number) => span(r).map((y) => [0, y, 0]);
const both = (one: Case, first: 0 | 1, offsets: readonly number[][]) =>
  brute({ ...one, bytes: brute(one, offsets, first) }, offsets, first === 0 ? 1 : 0);

test("bits: threshold, count, box, bytes, complement, runs", () => {
  fc.assert(fc.property(volume, ({ size, bytes, mask }) => {
    expect(mask.toBytes()).toEqual(bytes);
    expect(mask.not().toBytes()).toEqual(bytes.map((value) => 1 - value));
    expect(mask.count()).toBe(bytes.reduce((sum, value) => sum + value, 0));
    expect(mask.count(0)).toBe(bytes.subarray(0, size.height * size.width).reduce((sum, value) => sum + value, 0));
    const places = [...bytes].flatMap((value, i) => value === 0 ? [] : [i]), { width, height } = size;
    const range = (of: (i: number) => number) => [Math.min(...places.map(of)), Math.max(...places.map(of)) + 1];
    const z = range((i) => Math.floor(i / width / height)),
      y = range((i) => Math.floor(i / width) % height),
      x = range((i) => i % width);
    expect(mask.bounds()).toEqual(
      places.length === 0 ? undefined : {
        start: { depth: z[0], height: y[0], width: x[0] },
        end: { depth: z[1], height: y[1], width: x[1] },
      },
    );
  }));
  const row = new BitVolume({ depth: 1, height: 1, width: 70 });
  row.setRun(0, 30, 66);
  expect(row.toBytes()).toEqual(Uint8Array.from({ length: 70 }, (_, x) => Number(x >= 30 && x < 66)));
});

test("dilation, erosion, opening and closing", () => {
  fc.assert(
    fc.property(volume, fc.integer({ min: 1, max: 4 }), (one, r) => {
      expect(dilateBall(one.mask, r).toBytes()).toEqual(brute(one, ball(r), 0));
      expect(erodeBall(one.mask, r).toBytes()).toEqual(brute(one, ball(r), 1));
      expect(dilateDisc(one.mask, r).toBytes()).toEqual(brute(one, disc(r), 0));
      expect(openDisc(one.mask, r).toBytes()).toEqual(both(one, 1, disc(r)));
      expect(closeVertically(one.mask, r).toBytes()).toEqual(both(one, 0, line(r)));
    }),
    { numRuns: 40 },
  );
});

describe("components", () => {
  /** Flood fill over faces; the label is the first voxel. */
  function flood({ size: { depth, height, width }, bytes }: Case, planar: boolean): Int32Array {
    const label = new Int32Array(bytes.length).fill(-1);
    bytes.forEach((value, first) => {
      if (value === 0 || label[first] !== -1) return;
      const stack = [first];
      label[first] = first;
      while (stack.length > 0) {
        const i = stack.pop()!, x = i % width, y = Math.floor(i / width) % height, z = Math.floor(i / width / height);
        const near = [x > 0 && i - 1, x < width - 1 && i + 1, y > 0 && i - width, y < height - 1 && i + width];
        if (!planar) near.push(z > 0 && i - width * height, z < depth - 1 && i + width * height);
        for (const j of near) {
          if (j === false || bytes[j] === 0 || label[j] !== -1) continue;
          label[j] = first;
          stack.push(j);
        }
      }
    });
    return label;
  }

  test("are those of a flood fill, also where they touch the border", () => {
    fc.assert(fc.property(volume, fc.boolean(), (one, planar) => {
      const { size: { depth, height, width }, mask } = one,
        parts = components(mask, { planar }),
        touches = touchingBorder(parts);
      const expected = flood(one, planar), pairs = new Map<number, number>();
      const outside = new Set<number>();
      expected.forEach((label, i) => {
        const x = i % width, y = Math.floor(i / width) % height;
        if (label >= 0 && (x === 0 || y === 0 || x === width - 1 || y === height - 1)) outside.add(label);
      });
      for (let i = 0; i < depth * height * width; i++) {
        const x = i % width, y = Math.floor(i / width) % height, z = Math.floor(i / width / height);
        const found = labelAt(parts, z, y, x), label = expected[i]!;
        expect(found < 0).toBe(label < 0);
        if (label < 0) continue;
        if (!pairs.has(label)) pairs.set(label, found);
        expect(found).toBe(pairs.get(label));
        expect(touches[found] === 1).toBe(outside.has(label));
      }
      expect(new Set(pairs.values()).size).toBe(pairs.size);
      expect(select(parts, () => true).toBytes()).toEqual(mask.toBytes());
      const any = [...pairs][0];
      if (any !== undefined) {
        expect(select(parts, (label) => label === any[1]).toBytes()).toEqual(
          Uint8Array.from(expected, (l) => Number(l === any[0])),
        );
      }
    }));
  });
});
