import { describe, expect, test } from "vitest";
import { auc } from "../../lib/evaluate/auc.ts";
import { pairedBootstrap } from "../../lib/evaluate/paired_bootstrap.ts";
import { randomStream } from "../../lib/random.ts";
import { goldens, labels } from "./support/goldens.ts";

const meanOf = (values: readonly number[]) => (indices: readonly number[]) =>
  indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length;

describe("against SciPy's paired bootstrap (20,000 resamples)", () => {
  const { truth, first, second, accuracy, auc: area } = goldens.paired;
  const positive = labels(truth);
  const right = (scores: readonly number[]) => scores.map((p, i) => Number((p >= 0.5) === positive[i]));
  const gains = right(first).map((hit, i) => hit - right(second)[i]!);
  const areaOf = (scores: readonly number[], indices: readonly number[]) =>
    auc(indices.map((i) => positive[i]!), indices.map((i) => scores[i]!));

  test.each(
    [
      ["accuracy", meanOf(gains), accuracy],
      ["AUC", (indices: readonly number[]) => areaOf(first, indices) - areaOf(second, indices), area],
    ] as const,
  )("%s", (_, statistic, golden) => {
    const found = pairedBootstrap({ items: truth.length, statistic, resamples: 6000 });
    expect(found.value).toBeCloseTo(golden.value, 12);
    const width = golden.high - golden.low;
    expect(Math.abs(found.low - golden.low) / width).toBeLessThan(0.08);
    expect(Math.abs(found.high - golden.high) / width).toBeLessThan(0.08);
  });
});

test("p: without a difference about as often below 0.05 as it says; with one, small; it and the interval agree", () => {
  const random = randomStream(5, "paired"), trials = 300, items = 60;
  let rejected = 0, disagreed = 0;
  for (let trial = 0; trial < trials; trial++) {
    const values = Array.from({ length: items }, () => random.normal());
    const { p, low, high } = pairedBootstrap({ items, statistic: meanOf(values), resamples: 400, seed: trial });
    if (p < 0.05) rejected++;
    if ((p < 0.04) !== (low > 0 || high < 0) && (p < 0.06) !== (low > 0 || high < 0)) disagreed++;
  }
  expect(rejected / trials).toBeGreaterThan(0.02);
  expect(rejected / trials).toBeLessThan(0.1);
  expect(disagreed).toBe(0);
  const shifted = Array.from({ length: items }, () => random.normal(1));
  expect(pairedBootstrap({ items, statistic: meanOf(shifted), resamples: 999 }).p).toBe(0.002);
});

test("no difference at all is p = 1; nothing to compare is NaN", () => {
  expect(pairedBootstrap({ items: 5, statistic: () => 0, resamples: 100 })).toMatchObject({ low: 0, high: 0, p: 1 });
  expect(pairedBootstrap({ items: 5, statistic: () => NaN, resamples: 10 })).toMatchObject({ low: NaN, p: NaN });
});
