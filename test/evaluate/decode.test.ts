import { describe, expect, test } from "vitest";
import { decode, decodeViews, sigmoid, softmax } from "../../lib/evaluate/decode.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

describe("decode", () => {
  test("metric.presence_threshold: inference counts a logit of exactly 0 as positive", () => {
    const { inputs, expected } = oracle("metric.presence_threshold");
    expect(inputs.logits.map((z: number) => Number(decode([z]).presence))).toEqual(expected.inference);
  });

  test("metric.severity_decode: arg-max of the four grades, whatever the negative output says", () => {
    const { inputs, expected } = oracle("metric.severity_decode");
    const decoded = inputs.outputs.map((logits: number[]) => decode(logits));
    expect(decoded.map(({ severity }: { severity: number }) => severity + 1)).toEqual(expected.pred_category_1to4);
    const labels: number[] = inputs.severity_label_0_means_none;
    const scored = labels.flatMap((label, row) => label === 0 ? [] : [row]);
    expect(scored).toEqual(expected.rows_scored);
    expect(classificationScores(scored.map((row) => labels[row]! - 1), scored.map((row) => decoded[row].severity)))
      .toMatchObject({ accuracy: 0.5 });
  });

  test("tta.flip: both rules", () => {
    const { inputs: { original, flipped }, expected, tol } = oracle("tta.flip");
    const paper = decodeViews([original, flipped], "paper");
    const code = decodeViews([original, flipped], "code2022");
    expectClose([paper.presenceProbability], [expected.presence_prob_paper], tol, 0);
    expectClose([code.presenceProbability], [expected.presence_prob_code2022], tol, 0);
    expect([paper.presence, code.presence]).toEqual([expected.positive, expected.positive]);
    [original, flipped].forEach((view: number[], i) =>
      expectClose(softmax(view.slice(1)), expected.softmax_views[i], tol, 0)
    );
    for (const { severity, severityProbabilities } of [paper, code]) {
      expectClose(severityProbabilities!, expected.severity_probabilities, tol, 0);
      expect(severity).toBe(expected.severity_index);
    }
  });

  test("one output has no severity", () => {
    expect(decode([0.3])).toMatchObject({ presence: true, severity: null, severityProbabilities: null });
  });

  test("extreme logits stay finite and sum to one", () => {
    for (const logits of [[1e4, -1e4, 0, 3, 1e4, -5], [-800, 0, 1, 2, 3, 1e5], [0, -1e4, -1e4, -1e4, -1e4, 1e4]]) {
      const { presenceProbability, severityProbabilities } = decode(logits);
      expect(Number.isFinite(presenceProbability)).toBe(true);
      expectClose([severityProbabilities!.reduce((a, b) => a + b)], [1], 1e-12);
    }
    expect(decode([-800, 0, 1, 2, 3, 1e5]).severity).toBe(3);
    expect([sigmoid(-1e4), sigmoid(0), sigmoid(1e4)]).toEqual([0, 0.5, 1]);
  });

  test("no views is an error", () => {
    expect(() => decodeViews([])).toThrow(RangeError);
  });
});
