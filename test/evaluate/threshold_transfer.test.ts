import { expect, test } from "vitest";
import { labelledHalves, thresholdTransfer } from "../../lib/evaluate/threshold_transfer.ts";
import { prediction, scanTruth } from "./support/predictions.ts";

function labelled(rows: readonly (readonly [p: number, presence: boolean])[]) {
  return {
    predictions: rows.map(([p], i) => prediction(`s${i}`, p)),
    truth: rows.map(([, presence]) => scanTruth(presence)),
  };
}

test("a threshold that is perfect here and worse than 0.5 there", () => {
  const here = labelled([[0.1, false], [0.2, false], [0.3, true], [0.9, true]]);
  const there = labelled([[0.1, false], [0.3, false], [0.6, true], [0.9, true]]);
  const { threshold, chosenOn, appliedTo } = thresholdTransfer(here, there);
  expect(threshold).toBeCloseTo(0.25, 12);
  expect(chosenOn).toMatchObject({ scans: 4, atThreshold: 1 });
  expect(chosenOn.atHalf).toBeLessThan(1);
  expect(appliedTo).toMatchObject({ scans: 4, atHalf: 1 });
  // one false alarm of two negatives: F1 of the classes 4/5 and 2/3
  expect(appliedTo.atThreshold).toBeCloseTo((4 / 5 + 2 / 3) / 2, 12);
});

test("unlabelled scans do not count, and a set without labels is refused", () => {
  const some = labelled([[0.2, false], [0.8, true]]);
  const none = {
    predictions: some.predictions,
    truth: [{ severity: "undefined" }, { severity: "undefined" }],
  } as const;
  expect(() => thresholdTransfer(none, some)).toThrow(RangeError);
});

test("halves share the scans out and keep each class balanced", () => {
  const all = labelled(Array.from({ length: 13 }, (_, i) => [i / 13, i % 3 === 0] as const));
  const [first, second] = labelledHalves(all);
  const keys = [...first.predictions, ...second.predictions].map(({ key }) => key).sort();
  expect(keys).toEqual(all.predictions.map(({ key }) => key).sort());
  const positives = (half: typeof first) => half.truth.filter(({ presence }) => presence).length;
  expect(Math.abs(positives(first) - positives(second))).toBeLessThanOrEqual(1);
  expect(Math.abs(first.truth.length - second.truth.length)).toBeLessThanOrEqual(2);
});
