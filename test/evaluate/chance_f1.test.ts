import { expect, test } from "vitest";
import { bestChanceF1, chanceF1 } from "../../lib/evaluate/chance_f1.ts";

const support = [269, 215];

test("certain answers, always wrong answers", () => {
  expect(chanceF1({ support, accuracy: 1, draws: 5 })).toMatchObject({
    mean: 1,
    standardDeviation: 0,
    low: 1,
    high: 1,
  });
  expect(chanceF1({ support, accuracy: 0, draws: 5 })).toMatchObject({ mean: 0, high: 0 });
});

test("two classes: the spread of accuracy, √(a(1 − a)/n)", () => {
  const { mean, standardDeviation, low, high, scores } = chanceF1({ support, accuracy: 0.93, draws: 4000 });
  const expected = Math.sqrt(0.93 * 0.07 / 484);
  expect(scores).toHaveLength(4000);
  expect(mean).toBeCloseTo(0.93, 2);
  expect(standardDeviation / expected).toBeGreaterThan(0.93);
  expect(standardDeviation / expected).toBeLessThan(1.1);
  expect(high - low).toBeCloseTo(2 * 1.96 * standardDeviation, 2);
});

test("guessing among four classes is right one time in four", () => {
  const { mean } = chanceF1({ support: [100, 100, 100, 100], accuracy: 0.25, draws: 300 });
  expect(mean).toBeCloseTo(0.25, 2);
});

test("the best of k lies above: 1.03 standard deviations for k = 4", () => {
  const one = chanceF1({ support, accuracy: 0.93, draws: 2000 });
  const best = bestChanceF1({ support, accuracy: 0.93, draws: 500, models: 4 });
  // E max of four standard normals is 1.029.
  expect((best.mean - one.mean) / one.standardDeviation).toBeGreaterThan(0.93);
  expect((best.mean - one.mean) / one.standardDeviation).toBeLessThan(1.13);
  expect(bestChanceF1({ support, accuracy: 0.93, draws: 50, models: 1 }).mean).toBeCloseTo(0.93, 1);
});

test("the same seed gives the same scores; wrong use is refused", () => {
  const draw = (seed: number) => chanceF1({ support, accuracy: 0.9, draws: 3, seed }).scores;
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(() => chanceF1({ support, accuracy: 1.1 })).toThrow(RangeError);
  expect(() => chanceF1({ support: [3], accuracy: 0.5 })).toThrow(RangeError);
});
