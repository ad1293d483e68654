import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { classificationScores, confusionMatrix } from "../../lib/evaluate/metrics.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

describe("classificationScores", () => {
  test.each(["metric.f1.binary", "metric.f1.sev", "metric.f1.labelunion", "metric.f1.extra_pred_label"])("%s", (id) => {
    const { inputs, expected, tol } = oracle(id);
    const scores = classificationScores(inputs.true, inputs.pred);
    expect(scores.labels).toEqual(expected.labels);
    expectClose(scores.perClassF1, expected.per_class_f1, tol, 0);
    expectClose(scores.precision, expected.precision, tol, 0);
    expectClose(scores.recall, expected.recall, tol, 0);
    expectClose([scores.macroF1, scores.accuracy], [expected.macro_f1, expected.accuracy], tol, 0);
  });

  test("metric.table3: published task-1 scores from their error counts", () => {
    const { inputs: { P, N }, expected, tol } = oracle("metric.table3");
    for (const [errors, macroF1] of Object.entries(expected)) {
      const [, fn, fp] = /^fn(\d+)_fp(\d+)$/.exec(errors)!.map(Number) as [number, number, number];
      const truth = [...Array(P).fill(1), ...Array(N).fill(0)];
      const predicted = [
        ...Array(fn).fill(0),
        ...Array(P - fn).fill(1),
        ...Array(fp).fill(1),
        ...Array(N - fp).fill(0),
      ];
      expectClose([classificationScores(truth, predicted).macroF1], [macroF1 as number], tol, 0);
    }
  });

  test("perfect predictions score 1, nothing scored is NaN, unequal lengths are refused", () => {
    expect(classificationScores([0, 1, 2], [0, 1, 2])).toMatchObject({ macroF1: 1, accuracy: 1 });
    expect(classificationScores([], [])).toMatchObject({ macroF1: NaN, accuracy: NaN, labels: [] });
    expect(() => classificationScores([0], [])).toThrow(RangeError);
  });

  test("every score lies in [0, 1] and does not depend on the order of the scans", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1 }), (pairs) => {
      const scores = classificationScores(pairs.map(([t]) => t), pairs.map(([, p]) => p));
      const reversed = [...pairs].reverse();
      expect(classificationScores(reversed.map(([t]) => t), reversed.map(([, p]) => p))).toEqual(scores);
      expect(scores.macroF1).toBeGreaterThanOrEqual(0);
      expect(scores.macroF1).toBeLessThanOrEqual(1);
    }));
  });
});

describe("confusionMatrix", () => {
  test("rows are the truth", () => {
    expect(confusionMatrix([0, 0, 1, 2], [0, 1, 1, 0], 3)).toEqual([[1, 1, 0], [0, 1, 0], [1, 0, 0]]);
  });

  test("a class out of range is refused", () => {
    expect(() => confusionMatrix([0, 4], [0, 0], 4)).toThrow(RangeError);
    expect(() => confusionMatrix([0, 0], [0, 4], 4)).toThrow(RangeError);
  });
});
