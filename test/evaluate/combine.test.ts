import { expect, test } from "vitest";
import { combinePresence, combineSeverity } from "../../lib/evaluate/combine.ts";
import { sigmoid } from "../../lib/evaluate/decode.ts";
import { oracle } from "../support/oracles.ts";

test("presence: mean of probabilities; the mean-logit rule disagrees", () => {
  const { inputs, expected, tol } = oracle("ensemble.presence");
  const probabilities = inputs.logits.map(sigmoid);
  const paper = combinePresence(probabilities), logits = combinePresence(probabilities, "logits");
  expect(Math.abs(paper.probability - expected.mean_probability)).toBeLessThan(tol);
  expect(paper.presence).toBe(expected.positive_by_probability);
  expect(Math.abs(logits.probability - sigmoid(expected.mean_logit))).toBeLessThan(tol);
  expect(logits.presence).toBe(expected.positive_by_logit);
  expect(paper.presence).not.toBe(logits.presence);
});

test("severity: mean of the four probabilities", () => {
  const { inputs, expected, tol } = oracle("ensemble.severity");
  const { probabilities, severity } = combineSeverity(inputs.probabilities);
  probabilities.forEach((p, i) => expect(Math.abs(p - expected.mean[i])).toBeLessThan(tol));
  expect(severity).toBe(expected.argmax);
});

test("severity: mean of logits, by hand", () => {
  const { probabilities } = combineSeverity([[0.8, 0.1, 0.05, 0.05], [0.2, 0.4, 0.2, 0.2]], "logits");
  const roots = [0.16, 0.04, 0.01, 0.01].map(Math.sqrt), sum = roots.reduce((total, root) => total + root, 0);
  probabilities.forEach((p, i) => expect(p).toBeCloseTo(roots[i]! / sum, 12));
});

test("limits: one member is itself, exactly 0.5 is positive, saturated members stay numbers, none is an error", () => {
  for (const rule of ["paper", "logits"] as const) {
    expect(combinePresence([0.3], rule).probability).toBeCloseTo(0.3, 12);
    expect(combinePresence([0.25, 0.75], rule)).toEqual({ probability: 0.5, presence: true });
    expect(combinePresence([1, 0], rule).probability).toBeCloseTo(0.5, 12);
    expect(combineSeverity([[1, 0, 0, 0], [0, 1, 0, 0]], rule).probabilities.reduce((a, b) => a + b)).toBeCloseTo(
      1,
      12,
    );
    expect(() => combinePresence([], rule)).toThrow(RangeError);
  }
});
