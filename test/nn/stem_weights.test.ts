import { expect, test } from "vitest";
import { sumStemChannels } from "../../lib/nn/stem_weights.ts";
import { float32Tensor } from "../../lib/nn/safetensors.ts";
import { expectClose } from "../support/close.ts";
import { hashFill } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

test("stem channels are summed", () => {
  const { inputs, expected } = oracle("model.stem_channel_sum");
  const weight = float32Tensor([2, 3, 1, 2, 2], Float32Array.from((inputs.weight as number[]).flat(4)));
  const summed = sumStemChannels(weight);
  expect(summed.shape).toEqual([2, 1, 1, 2, 2]);
  expectClose(summed.data as Float32Array, (expected.summed as number[]).flat(4), 1e-6, 0);
});

test("one channel stays as it is; anything but a kernel is refused", () => {
  const weight = float32Tensor([1, 1, 1, 1, 2], Float32Array.of(0.25, -3));
  expect(sumStemChannels(weight)).toEqual(weight);
  expect(() => sumStemChannels(float32Tensor([2], new Float32Array(2)))).toThrow(/expected F32 \[out/);
});

test("hash fill of the network oracles", () => {
  for (const [seed, values] of Object.entries<number[]>(oracle("util.hashfill").expected)) {
    expect(values.map((_, i) => hashFill(i, Number(seed)))).toEqual(values);
  }
});
