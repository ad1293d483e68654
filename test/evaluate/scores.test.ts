import { describe, expect, test } from "vitest";
import { scorePresence, scoreSeverity } from "../../lib/evaluate/scores.ts";
import { argMax } from "../../lib/evaluate/decode.ts";
import { goldens } from "./support/goldens.ts";
import { formatInterval } from "../../lib/evaluate/summary.ts";

const scan = (truth: number, probability: number, patient?: string) => ({
  truth,
  probability,
  predicted: Number(probability >= 0.5),
  ...(patient === undefined ? {} : { patient }),
});

describe("scorePresence", () => {
  const scored = [scan(1, 0.9), scan(1, 0.6), scan(1, 0.3), scan(0, 0.1), scan(0, 0.2), scan(0, 0.7)];

  test("scores, confusion and AUC by hand", () => {
    const scores = scorePresence(scored, { resamples: 100 });
    expect(scores.macroF1.value).toBeCloseTo(2 / 3, 12);
    expect(scores.accuracy.value).toBeCloseTo(4 / 6, 12);
    expect(scores.confusion).toEqual([[2, 1], [1, 2]]);
    expect(scores.auc.value).toBeCloseTo(7 / 9, 12);
    expect(scores.classes.map(({ label, scans }) => [label, scans])).toEqual([["non-COVID-19", 3], ["COVID-19", 3]]);
    for (const { low, value, high } of [scores.macroF1, scores.auc, scores.accuracy]) {
      expect(low).toBeLessThanOrEqual(value);
      expect(value).toBeLessThanOrEqual(high);
    }
  });

  test("one class only: no AUC, an F1 all the same", () => {
    const scores = scorePresence(scored.filter(({ truth }) => truth === 1), { resamples: 50 });
    expect(scores.auc.value).toBeNaN();
    expect(formatInterval(scores.auc)).toBe("–");
    expect(scores.roc).toEqual([]);
    // two of three found: F1 of COVID-19 = 0.8; non-COVID-19 is only predicted, F1 = 0
    expect(scores.macroF1.value).toBeCloseTo(0.4, 12);
  });
});

describe("scoreSeverity", () => {
  test("a grade that occurs nowhere does not count", () => {
    const scores = scoreSeverity([{ truth: 0, predicted: 0 }, { truth: 3, predicted: 3 }], { resamples: 20 });
    expect(scores.macroF1.value).toBe(1);
    expect(scores.classes.map(({ label }) => label)).toEqual(["mild", "critical"]);
    expect(scores.labels).toHaveLength(4);
  });

  test("formatInterval", () => {
    expect(formatInterval({ value: 0.5, low: 0.25, high: 0.75, level: 0.95, resamples: 10 }, 2)).toBe(
      "0.50 (0.25 – 0.75)",
    );
    expect(formatInterval(null)).toBe("–");
  });
});

describe("severity scores from probabilities", () => {
  test.each(goldens.severity.map((golden, i) => [i, golden] as const))("as scikit-learn, case %d", (_, golden) => {
    const scored = golden.truth.map((truth, i) => {
      const probabilities = golden.probabilities[i]!;
      return { truth, predicted: argMax(probabilities), probabilities };
    });
    const { oneVsRest, macroAuc, calibration } = scoreSeverity(scored, { resamples: 20 });
    oneVsRest!.forEach(({ auc }, grade) => {
      const area = golden.areas[grade]!;
      expect(auc.value).toEqual(area === null ? NaN : expect.closeTo(area, 12));
    });
    expect(macroAuc!.value).toEqual(golden.macro_auc === null ? NaN : expect.closeTo(golden.macro_auc, 12));
    expect(calibration!.brier.value).toBeCloseTo(golden.brier, 12);
    expect(calibration!.ece).toBeCloseTo(golden.top_label_ece, 12);
  });

  test("a head without probabilities has no areas and no calibration", () => {
    const scores = scoreSeverity([{ truth: 0, predicted: 1 }, { truth: 1, predicted: 1 }], { resamples: 20 });
    expect([scores.oneVsRest, scores.calibration]).toEqual([undefined, undefined]);
  });
});
