/** Task 1: binary cross-entropy of the presence logit (equations 1 and 2), in float64 with its gradient. */
import type { PresenceWeights } from "./class_weights.ts";
import { presenceTarget } from "./targets.ts";

/**
 * How the two classes are weighted. "positive-term" (the code, default): −[w·t·log p + (1−t)·log(1−p)], mean over
 * items. "item" (the paper's w_i): −w_i·[t·log p + (1−t)·log(1−p)]. "none": no weights.
 */
export type PresenceWeighting = "positive-term" | "item" | "none";

/** How items become one number: their mean, or Σ wᵢℓᵢ / Σ wᵢ. */
export type Reduction = "mean" | "weighted-mean";

export interface PresenceLossOptions {
  /** z, one per item. */
  readonly logits: readonly number[];
  readonly presence: readonly boolean[];
  /** ε₁ */
  readonly smoothing: number;
  readonly weights: PresenceWeights;
  readonly weighting?: PresenceWeighting;
  /** "weighted-mean" is for "item" weights. */
  readonly reduction?: Reduction;
  /** How much of an item each row stands for, in [0, 1]: counts in the batch's divisor too. All 1 when left out. */
  readonly shares?: readonly number[];
  /** Factors of the items' losses that leave the divisor as it is. All 1 when left out. */
  readonly itemWeights?: readonly number[];
}

export interface LossAndGradient<Gradient> {
  readonly loss: number;
  readonly gradient: Gradient;
}

/** Weighted presence loss and dL/dz; finite for any finite logit. */
export function presenceLoss(options: PresenceLossOptions): LossAndGradient<number[]> {
  const { logits, presence, smoothing, weights, weighting = "positive-term", reduction = "mean" } = options;
  const { shares, itemWeights } = options;
  const classWeight = presence.map((positive) =>
    weighting === "item" ? weights.item[positive ? "positive" : "negative"] : 1
  );
  const share = logits.map((_, i) => shares?.[i] ?? 1);
  const positiveTerm = weighting === "positive-term" ? weights.positiveTerm : 1;
  const divisor = share.reduce((sum, part, i) => sum + (reduction === "mean" ? part : part * classWeight[i]!), 0);
  const itemWeight = classWeight.map((weight, i) => weight * share[i]! * (itemWeights?.[i] ?? 1));
  let loss = 0;
  const gradient = logits.map((z, i) => {
    const target = presenceTarget(presence[i]!, smoothing);
    const item = presenceItem(z, target, positiveTerm);
    loss += itemWeight[i]! * item.loss / divisor;
    return itemWeight[i]! * item.gradient / divisor;
  });
  return { loss, gradient };
}

/** −[w·t·log σ(z) + (1−t)·log(1−σ(z))] with log σ(z) = −softplus(−z) and log(1−σ(z)) = −softplus(z). */
export function presenceItem(z: number, target: number, positiveTerm: number): LossAndGradient<number> {
  const positive = positiveTerm * target;
  const negative = 1 - target;
  return {
    loss: positive * softplus(-z) + negative * softplus(z),
    gradient: negative * sigmoid(z) - positive * sigmoid(-z),
  };
}

/** log(1 + e^x) */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** 1 / (1 + e^−x) */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}
