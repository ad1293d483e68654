import { expect, test } from "vitest";
import { decode, sigmoid } from "../../lib/evaluate/decode.ts";
import { meanPrediction } from "../../lib/evaluate/mean_prediction.ts";
import type { Prediction } from "../../lib/evaluate/prediction.ts";
import { oracle } from "../support/oracles.ts";

const scan = { key: "test/ct_scan_1", scan: "ct_scan_1", folder: "/ct_scan_1", slices: 3, skippedSlices: [] };
const member = (presenceProbability: number | null, severityProbabilities: number[] | null): Prediction => ({
  ...scan,
  presenceProbability,
  presence: presenceProbability === null ? null : presenceProbability >= 0.5,
  severityProbabilities,
  severity: severityProbabilities === null ? null : "mild",
});

test("ensemble.presence: mean of probabilities, where the mean logit would say the opposite", () => {
  const { inputs, expected, tol } = oracle("ensemble.presence");
  const members = inputs.logits.map((z: number) => member(decode([z]).presenceProbability, null));
  const { presence, presenceProbability, severity } = meanPrediction(members);
  expect(Math.abs(presenceProbability! - expected.mean_probability)).toBeLessThan(tol);
  expect(presence).toBe(expected.positive_by_probability);
  const meanLogit = inputs.logits.reduce((sum: number, z: number) => sum + z, 0) / inputs.logits.length;
  expect(sigmoid(meanLogit) >= 0.5).toBe(expected.positive_by_logit);
  expect(severity).toBeNull();
});

test("ensemble.severity: mean of the four probabilities, then the largest", () => {
  const { inputs, expected, tol } = oracle("ensemble.severity");
  const { severityProbabilities, severity, presence } = meanPrediction(
    inputs.probabilities.map((q: number[]) => member(null, q)),
  );
  severityProbabilities!.forEach((q, i) => expect(Math.abs(q - expected.mean[i])).toBeLessThan(tol));
  expect(severity).toBe(["mild", "moderate", "severe", "critical"][expected.argmax]);
  expect(presence).toBeNull();
});

test("one member is itself; a task counts only the members that train it; exactly 0.5 is positive", () => {
  const alone = member(0.25, [0.1, 0.2, 0.3, 0.4]);
  expect(meanPrediction([alone])).toEqual({ ...alone, severity: "critical" });
  const mixed = meanPrediction([member(0.2, null), member(null, [1, 0, 0, 0]), member(0.8, null)]);
  expect(mixed).toMatchObject({ presenceProbability: 0.5, presence: true, severity: "mild" });
});

test("nothing, or two scans, cannot be averaged", () => {
  expect(() => meanPrediction([])).toThrow(RangeError);
  expect(() => meanPrediction([member(1, null), { ...member(1, null), key: "test/ct_scan_2" }])).toThrow(/two scans/);
});
