/** Task 2: severity with neighbour smoothing and superset labels (equations 3, 4 and 5), float64 with its gradient. */
import type { SeverityWeights } from "./class_weights.ts";
import type { LossAndGradient, Reduction } from "./presence_loss.ts";
import { type SeverityGroup, severityTarget } from "./targets.ts";

/**
 * A way of reading severity off the outputs after the presence logit. The paper's is five classes; the original code's
 * other heads (four classes, one regression output) are further entries of `severityHeads`.
 */
export interface SeverityHead {
  /** Number of logits. */
  readonly outputs: number;
  /** Un-weighted loss of one item and its gradient; undefined for groups that the head cannot learn from. */
  item(logits: readonly number[], group: SeverityGroup, smoothing: number): LossAndGradient<number[]> | undefined;
}

/** Classes mild, moderate, severe, critical, negative. */
const fiveClass: SeverityHead = {
  outputs: 5,
  item: (logits, group, smoothing) =>
    group === "positive" ? supersetLoss(logits) : crossEntropy(logits, severityTarget(group, smoothing)),
};

export const severityHeads = { "five-class": fiveClass } as const satisfies Record<string, SeverityHead>;
export type SeverityHeadName = keyof typeof severityHeads;

/**
 * "paper": equation (5) for every positive without annotation. "code2022": such items are dropped unless the whole
 * batch consists of them, and then their sum is divided by count·w without w in the numerator.
 */
export type SupersetRule = "paper" | "code2022";

export interface SeverityLossOptions {
  /** One row per item. */
  readonly logits: readonly (readonly number[])[];
  readonly groups: readonly SeverityGroup[];
  /** ε₂ */
  readonly smoothing: number;
  readonly weights: SeverityWeights;
  readonly head?: SeverityHeadName;
  readonly superset?: SupersetRule;
  /** Default "weighted-mean": Σ wᵢℓᵢ / Σ wᵢ. */
  readonly reduction?: Reduction;
}

/** Weighted severity loss and dL/dlogits. */
export function severityLoss(options: SeverityLossOptions): LossAndGradient<number[][]> {
  const { logits, groups, smoothing, head = "five-class" } = options;
  const factors = itemFactors(options);
  let loss = 0;
  const gradient = logits.map((row, i) => {
    const item = factors[i] === 0 ? undefined : severityHeads[head].item(row, groups[i]!, smoothing);
    if (item === undefined) return row.map(() => 0);
    loss += factors[i]! * item.loss;
    return item.gradient.map((value) => factors[i]! * value);
  });
  return { loss, gradient };
}

/** What each item's loss is multiplied with: its weight over the batch's divisor. */
function itemFactors(options: SeverityLossOptions): number[] {
  const { groups, weights, superset = "paper", reduction = "weighted-mean" } = options;
  if (superset === "paper") return normalised(groups.map((group) => weights[group]), reduction);
  if (groups.every((group) => group === "positive")) return groups.map(() => 1 / (groups.length * weights.positive));
  return normalised(groups.map((group) => group === "positive" ? 0 : weights[group]), reduction);
}

function normalised(weights: readonly number[], reduction: Reduction): number[] {
  const divisor = reduction === "mean" ? weights.length : weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / divisor);
}

/** Equation (4): −Σ_c y_c log q_c with q = softmax(s); gradient q·Σy − y. */
function crossEntropy(logits: readonly number[], target: readonly number[]): LossAndGradient<number[]> {
  const normaliser = logSumExp(logits);
  const mass = target.reduce((sum, value) => sum + value, 0);
  return {
    loss: target.reduce((sum, value, c) => sum + value * (normaliser - logits[c]!), 0),
    gradient: logits.map((s, c) => mass * Math.exp(s - normaliser) - target[c]!),
  };
}

/** Equation (5): −log(q₁ + q₂ + q₃ + q₄) = logsumexp(all five) − logsumexp(first four). */
function supersetLoss(logits: readonly number[]): LossAndGradient<number[]> {
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

function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
