import { describe, expect, test } from "vitest";
import { bootstrapInterval } from "../../lib/evaluate/intervals.ts";
import { randomStream } from "../../lib/random.ts";

const meanOf = (values: readonly number[]) => (indices: readonly number[]) =>
  indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length;

describe("bootstrapInterval", () => {
  test("covers the truth about 95 times in 100", () => {
    const random = randomStream(7, "coverage");
    const trials = 300, items = 80, truth = 0.7;
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      const values = Array.from({ length: items }, () => Number(random.uniform() < truth));
      const { low, high } = bootstrapInterval({ items, statistic: meanOf(values), resamples: 300, seed: trial });
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.9);
    expect(covered / trials).toBeLessThan(0.99);
  });

  test("is as wide as the normal approximation for a mean", () => {
    const random = randomStream(3, "width");
    const values = Array.from({ length: 400 }, () => random.normal(10, 2));
    const { value, low, high } = bootstrapInterval({ items: 400, statistic: meanOf(values), resamples: 4000 });
    const halfWidth = 1.96 * 2 / Math.sqrt(400);
    expect((high - low) / 2).toBeGreaterThan(0.85 * halfWidth);
    expect((high - low) / 2).toBeLessThan(1.15 * halfWidth);
    expect(value).toBe(meanOf(values)(values.map((_, i) => i)));
  });

  test("the same seed gives the same interval, another seed another one", () => {
    const values = Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const interval = (seed: number) =>
      bootstrapInterval({ items: 50, statistic: meanOf(values), seed, resamples: 200 });
    expect(interval(1)).toEqual(interval(1));
    expect(interval(1).low).not.toBe(interval(2).low);
  });

  test("scans of one patient are drawn together: 20 copies of 5 patients are no more than 5 patients", () => {
    const patientValues = [0, 1, 0, 1, 1];
    const values = Array.from({ length: 100 }, (_, i) => patientValues[i % 5]!);
    const clusters = values.map((_, i) => `patient ${i % 5}`);
    const drawn = bootstrapInterval({ items: 100, statistic: meanOf(values), clusters });
    const alone = bootstrapInterval({ items: 5, statistic: meanOf(patientValues) });
    expect([drawn.low, drawn.high]).toEqual([alone.low, alone.high]);
    const ignored = bootstrapInterval({ items: 100, statistic: meanOf(values) });
    expect(ignored.high - ignored.low).toBeLessThan((drawn.high - drawn.low) / 2);
  });

  test("every resample holds whole clusters", () => {
    const clusters = ["a", "a", "a", undefined, "b", "b"];
    bootstrapInterval({
      items: 6,
      clusters,
      resamples: 50,
      statistic(indices) {
        const count = (item: number) => indices.filter((index) => index === item).length;
        expect([count(1), count(2)]).toEqual([count(0), count(0)]);
        expect(count(5)).toBe(count(4));
        return 0;
      },
    });
  });

  test("strata keep their sizes", () => {
    const strata = [...Array(30).fill("common"), ...Array(3).fill("rare")];
    const share = (indices: readonly number[]) => indices.filter((i) => strata[i] === "rare").length / indices.length;
    expect(bootstrapInterval({ items: 33, statistic: share, strata })).toMatchObject({ low: 3 / 33, high: 3 / 33 });
    const free = bootstrapInterval({ items: 33, statistic: share });
    expect(free.low).toBeLessThan(free.high);
  });

  test("undefined resamples are left out and counted", () => {
    const { resamples, low } = bootstrapInterval({
      items: 3,
      resamples: 500,
      statistic: (indices) => indices.includes(0) ? 1 : NaN,
    });
    expect(resamples).toBeGreaterThan(300);
    expect(resamples).toBeLessThan(400);
    expect(low).toBe(1);
    expect(bootstrapInterval({ items: 2, statistic: () => NaN })).toMatchObject({ low: NaN, high: NaN, resamples: 0 });
  });

  test("level 0.5 lies inside level 0.95", () => {
    const values = Array.from({ length: 40 }, (_, i) => i % 7);
    const at = (level: number) => bootstrapInterval({ items: 40, statistic: meanOf(values), level });
    expect(at(0.95).low).toBeLessThan(at(0.5).low);
    expect(at(0.5).high).toBeLessThan(at(0.95).high);
  });
});
