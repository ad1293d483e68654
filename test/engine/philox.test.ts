import { expect, test } from "vitest";
import {
  blockCounter,
  dropoutMask,
  dropoutScale,
  keepThreshold,
  philox4x32,
  philoxUniform,
} from "../../lib/engine/philox.ts";

// Known answers published with Random123 (kat_vectors, philox4x32 10).
test.each([
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
])("philox4x32-10 gives the published words for key $key", ({ counter, key, words }) => {
  expect(philox4x32(counter as never, key as never)).toEqual(words);
});

test("blocks are added to the low half of the counter, with carry into its upper word only", () => {
  const stream = { key: [1, 2], counter: [2 ** 32 - 1, 5] } as const;
  expect(blockCounter(stream, 0)).toEqual([0xffffffff, 0, 5, 0]);
  expect(blockCounter(stream, 1)).toEqual([0, 1, 5, 0]);
  expect(blockCounter({ key: [1, 2], counter: [2 ** 40 + 3, 2 ** 33 + 1] }, 2)).toEqual([5, 256, 1, 2]);
});

test("uniform numbers are the low 23 bits of each word", () => {
  const uniform = philoxUniform({ key: [0, 0], counter: [0, 0] }, 3);
  expect([...uniform]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c].map((word) => (word & 0x7fffff) / 2 ** 23));
});

test("a longer mask begins with the shorter one; the rate decides the share", () => {
  const stream = { key: [17, 4], counter: [9, 0] } as const;
  const long = dropoutMask(stream, 0.4, 40_001), short = dropoutMask(stream, 0.4, 1_003);
  expect(long.subarray(0, short.length)).toEqual(short);
  const kept = long.reduce((sum, bit) => sum + bit, 0) / long.length;
  expect(Math.abs(kept - 0.6)).toBeLessThan(5 * Math.sqrt(0.24 / long.length));
  expect(dropoutMask(stream, 0, 100).every((bit) => bit === 1)).toBe(true);
});

test("the integer threshold keeps exactly the numbers that the float32 comparison keeps", () => {
  for (const rate of [0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999]) {
    const threshold = keepThreshold(rate);
    for (const bits of [threshold - 1, threshold, threshold + 1].filter((value) => value >= 0 && value < 2 ** 23)) {
      expect(bits >= threshold).toBe(bits / 2 ** 23 >= Math.fround(rate));
    }
  }
  expect(dropoutScale(0.5)).toBe(2);
});

test("masks of different keys or counters are unrelated", () => {
  const draw = (key: number, counter: number) => dropoutMask({ key: [key, 0], counter: [counter, 0] }, 0.5, 4096);
  const agreement = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, bit, i) => sum + Number(bit === b[i]), 0) / 4096;
  expect(Math.abs(agreement(draw(1, 0), draw(2, 0)) - 0.5)).toBeLessThan(0.05);
  expect(Math.abs(agreement(draw(1, 0), draw(1, 1024)) - 0.5)).toBeLessThan(0.05);
});
