import { describe, expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import {
  classWeights,
  countGroups,
  type GroupCounts,
  presenceWeights,
  severityWeights,
} from "../../lib/train/class_weights.ts";
import type { Label } from "../../lib/train/targets.ts";
import { severityGroups } from "../../lib/train/targets.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

const inOrder = (values: Record<string, number>) => severityGroups.map((group) => values[group]!);

describe("class weights", () => {
  const { inputs, expected, tol } = oracle("weights.severity");
  const counts = { ...inputs.counts, positive: inputs.true_positive } as GroupCounts;

  test("presence: the code's pos_weight and the paper's item weights", () => {
    const { expected, tol } = oracle("weights.presence");
    const { positiveTerm, item } = presenceWeights(counts);
    expectClose([positiveTerm], [expected.code2022_pos_weight], tol, 0);
    expectClose([item.positive, item.negative], [expected.balanced_w_pos, expected.balanced_w_neg], tol, 0);
    expect(item.positive / item.negative).toBeCloseTo(expected.ratio, 12);
  });

  test("severity: from the data at hand, and the constants of the 2022 code", () => {
    expectClose(inOrder(severityWeights(counts)), inOrder(expected.true_counts), tol, 0);
    const code = severityWeights({ ...counts, positive: inputs.code2022_positive }, inputs.code2022_total);
    expectClose(inOrder(code), inOrder(expected.code2022), tol, 0);
    for (
      const [weights, relative] of [[severityWeights(counts), "relative_true"], [code, "relative_code2022"]] as const
    ) {
      expectClose(inOrder(weights).map((weight) => weight / weights.negative), inOrder(expected[relative]), tol, 0);
    }
  });

  test("labels are counted by group", () => {
    const labels: Label[] = [
      { presence: true, severity: "undefined" },
      { presence: true, severity: "mild" },
      { presence: false, severity: "undefined" },
      { presence: false, severity: "undefined" },
    ];
    expect(countGroups(labels)).toEqual({ mild: 1, moderate: 0, severe: 0, critical: 0, negative: 2, positive: 1 });
    const weights = classWeights(labels, 0.5);
    expect(weights.presence.positiveTerm).toBe(1);
    expect(weights.severity.negative).toBeCloseTo(4 / 6 / 2, 12);
    expect(weights.severity.critical).toBeCloseTo(4 / 6, 12); // as if there were one
  });

  test("one presence class is refused unless presence is not trained", () => {
    const positives: Label[] = [{ presence: true, severity: "mild" }, { presence: true, severity: "severe" }];
    expect(() => classWeights(positives, 0.5)).toThrow(ConfigError);
    expect(classWeights(positives, 1).severity.mild).toBeCloseTo(2 / 6, 12);
    expect(() => classWeights([], 0.5)).toThrow(/no training scans/);
  });
});
