import { describe, expect, test } from "vitest";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { bestThreshold, thresholdCurve, thresholdPoint } from "../../lib/evaluate/thresholds.ts";
import { goldens, labels, numberOf, type ThresholdScore } from "./support/goldens.ts";

const scores: readonly ThresholdScore[] = ["f1", "macroF1", "accuracy", "precision", "sensitivity", "specificity"];

describe("against scikit-learn", () => {
  test.each(goldens.thresholds.map((golden, i) => [i, golden] as const))("case %d", (_, golden) => {
    const truth = labels(golden.truth), { probabilities } = golden;
    for (const point of golden.points) {
      const found = thresholdPoint(truth, probabilities, point.threshold!);
      for (const score of scores) expect(found[score], score).toEqual(expectedScore(point[score]));
    }
    const curve = thresholdCurve(truth, probabilities);
    expect(bestThreshold(curve)!.macroF1).toBeCloseTo(golden.best_macro_f1, 12);
    const youden = bestThreshold(curve, "youden")?.youden;
    if (golden.best_youden === null) expect(youden).toBeUndefined();
    else expect(youden).toBeCloseTo(golden.best_youden, 12);
  });

  test.each(goldens.thresholds.map((golden, i) => [i, golden] as const))(
    "curve %d: each point is what counting gives",
    (_, golden) => {
      const truth = labels(golden.truth), { probabilities } = golden;
      const curve = thresholdCurve(truth, probabilities);
      for (const point of curve) {
        expect(point).toEqual(thresholdPoint(truth, probabilities, point.threshold));
        const called = probabilities.map((p) => Number(p >= point.threshold));
        expect(point.macroF1).toBeCloseTo(classificationScores(golden.truth, called).macroF1, 12);
      }
      const thresholds = curve.map(({ threshold }) => threshold);
      expect(thresholds).toEqual([...new Set(thresholds)].sort((a, b) => a - b));
      expect(thresholds).toEqual(expect.arrayContaining([0, 0.5]));
    },
  );
});

function expectedScore(value: number | null) {
  return value === null ? NaN : expect.closeTo(numberOf(value), 12);
}

test("half-way between neighbours; of equals the one nearest to 0.5", () => {
  const truth = [false, false, true, true], p = [0.1, 0.2, 0.3, 0.9];
  const curve = thresholdCurve(truth, p);
  expect(curve.map(({ threshold }) => threshold)).toEqual([0, 0.15000000000000002, 0.25, 0.5, 0.6, 0.95]);
  expect(bestThreshold(curve)!.threshold).toBe(0.25);
  // 0.6 and 0.5 call the same scans positive.
  expect(bestThreshold(thresholdCurve([false, true], [0.3, 0.9]))!.threshold).toBe(0.5);
});

test("probabilities one step apart are still told apart", () => {
  const a = 0.3, b = 0.3 + Number.EPSILON / 4;
  expect(bestThreshold(thresholdCurve([false, true], [a, b]))).toMatchObject({ threshold: b, accuracy: 1 });
});

test("nothing, and unequal lists", () => {
  expect(thresholdCurve([], [])).toEqual([]);
  expect(bestThreshold([])).toBeUndefined();
  expect(() => thresholdCurve([true], [])).toThrow(RangeError);
});
