import { expect, test } from "vitest";
import { comparePredictions } from "../../lib/evaluate/compare.ts";
import { comparisonScores } from "../../lib/evaluate/comparison_scores.ts";
import { prediction, scanTruth } from "./support/predictions.ts";

const truth = Array.from({ length: 12 }, (_, i) => scanTruth(i % 2 === 0));
const good = truth.map(({ presence }, i) => prediction(`s${i}`, presence ? 0.9 - i / 100 : 0.1 + i / 100));
const bad = good.map((one, i) => prediction(one.key, i < 4 ? 1 - one.presenceProbability! : one.presenceProbability!));

test("every score of the comparison is a row, and a missing task has none", () => {
  const comparison = comparePredictions({ first: good, second: bad, truth, resamples: 200 });
  const rows = comparisonScores(comparison);
  expect(rows.map(({ task, score }) => `${task} ${score}`)).toEqual([
    "presence macro F1",
    "presence accuracy",
    "presence AUC",
    "presence AUC, DeLong",
    "presence only this model right (McNemar)",
  ]);
  expect(rows[1]).toMatchObject({ A: 1, B: 0.6667 });
  const { value, low, high } = comparison.presence!.accuracy.difference;
  expect(value).toBeCloseTo(1 / 3, 12);
  expect(rows[1]!["A − B (95 % interval)"]).toBe(`+0.333 (+${low.toFixed(3)} – +${high.toFixed(3)})`);
  expect(rows.at(-1)).toMatchObject({ A: 4, B: 0, p: "0.125" }); // 2·2⁻⁴
});
