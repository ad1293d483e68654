/** Cross-entropies of a softmax and their gradients, in float64; finite for any finite logits. */
import type { LossAndGradient } from "./presence_loss.ts";

/** Equation (4): −Σ_c y_c log q_c with q = softmax(s); gradient q·Σy − y. */
export function crossEntropy(logits: readonly number[], target: readonly number[]): LossAndGradient<number[]> {
  const normaliser = logSumExp(logits);
  const mass = target.reduce((sum, value) => sum + value, 0);
  return {
    loss: target.reduce((sum, value, c) => sum + value * (normaliser - logits[c]!), 0),
    gradient: logits.map((s, c) => mass * Math.exp(s - normaliser) - target[c]!),
  };
}

/** Equation (5): −log(q₁ + q₂ + q₃ + q₄) = logsumexp(all five) − logsumexp(first four). */
export function supersetLoss(logits: readonly number[]): LossAndGradient<number[]> {
  const grades = logits.slice(0, 4);
  const all = logSumExp(logits);
  const positive = logSumExp(grades);
  // log(1 + e^(s₅ − lse₄)) keeps the precision that the difference of the two loses when the loss is small.
  const margin = logits[4]! - positive;
  return {
    loss: Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))),
    gradient: logits.map((s, c) => Math.exp(s - all) - (c < 4 ? Math.exp(s - positive) : 0)),
  };
}

export function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
