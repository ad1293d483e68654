/**
 * From logits to an answer. The network's outputs are [z, s₁…s₅]: the presence logit, then mild, moderate, severe,
 * critical, negative; or [z] alone when no severity is trained (λ = 0). The original's other heads give [z, s₁…s₄], the
 * four grades, and [z, s], one logit of severity; the number of outputs tells which head it is.
 */
import { mean } from "./mean.ts";

/** How the views of one scan (test-time reflection) are combined; the ≥ 0.5 decision of two views is the same. */
export type ReflectionRule =
  /** The paper: mean of the presence probabilities. */
  | "paper"
  /** The 2022 program: probability of the mean presence logit. */
  | "code2022";

export interface Decoded {
  /** p = σ(z), equation (1). */
  readonly presenceProbability: number;
  /** True when p ≥ 0.5, that is z ≥ 0 (the training metric of the original asks for z > 0). */
  readonly presence: boolean;
  /**
   * Softmax of equation (3), its first four entries renormalised; null when there is no severity output, and for the
   * regression head, which says how severe and not how probable each grade is.
   */
  readonly severityProbabilities: readonly number[] | null;
  /**
   * Index into `severities` of the largest of the four; the negative class is ignored, for negatives too. Regression:
   * the quarter of [0, 1] that σ(s) falls into.
   */
  readonly severity: number | null;
}

/** Decodes the logits (1, 2, 5 or 6) of one view of one scan. */
export function decode(logits: ArrayLike<number>): Decoded {
  return decodeViews([logits], "paper");
}

/**
 * Decodes several views of one scan, e.g. itself and its mirror image. Severity is the mean over views of the softmax,
 * then the first four renormalised and arg-max, in both rules; the regression head follows the rule as presence does.
 */
export function decodeViews(views: readonly ArrayLike<number>[], rule: ReflectionRule = "paper"): Decoded {
  if (views.length === 0) throw new RangeError("decodeViews: no views");
  const presenceProbability = meanProbability(views.map((logits) => logits[0]!), rule);
  return { presenceProbability, presence: presenceProbability >= 0.5, ...decodeSeverity(views, rule) };
}

/** Index into `severities` of a regression probability: clamp(trunc(4p + 1), 1, 4) counted from 0. */
export function severityOfProbability(probability: number): number {
  return Math.min(4, Math.max(1, Math.trunc(4 * probability + 1))) - 1;
}

function meanProbability(logits: readonly number[], rule: ReflectionRule): number {
  return rule === "paper" ? mean(logits.map(sigmoid)) : sigmoid(mean(logits));
}

function decodeSeverity(
  views: readonly ArrayLike<number>[],
  rule: ReflectionRule,
): Pick<Decoded, "severity" | "severityProbabilities"> {
  const outputs = views[0]!.length;
  if (outputs === 2) {
    const probability = meanProbability(views.map((logits) => logits[1]!), rule);
    return { severityProbabilities: null, severity: severityOfProbability(probability) };
  }
  if (outputs !== 5 && outputs !== 6) return { severityProbabilities: null, severity: null };
  const severityProbabilities = gradeProbabilities(views);
  return { severityProbabilities, severity: argMax(severityProbabilities) };
}

/** σ(z) = 1/(1 + e^(−z)), without overflow. */
export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/** exp(sᵢ)/Σ exp(sⱼ), shifted by the maximum so that it cannot overflow. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Index of the first largest value. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function gradeProbabilities(views: readonly ArrayLike<number>[]): number[] {
  const softmaxes = views.map((logits) => softmax(Array.from(logits).slice(1)));
  const grades = [0, 1, 2, 3].map((grade) => mean(softmaxes.map((q) => q[grade]!)));
  const sum = grades.reduce((total, q) => total + q, 0);
  // A network that is sure of "negative" can underflow all four: then the logits' own order still decides.
  return sum > 0 ? grades.map((q) => q / sum) : softmax(Array.from(views[0]!).slice(1, 5));
}
