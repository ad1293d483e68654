/** Task 2: the severity of a batch (equations 3, 4 and 5, or the original's other heads), float64 with its gradient. */
import type { SeverityWeights } from "./class_weights.ts";
import type { LossAndGradient, Reduction } from "./presence_loss.ts";
import { type SeverityHeadName, severityHeads, type SeverityItemOptions } from "./severity_heads.ts";
import type { SeverityGroup } from "./targets.ts";

/**
 * "paper": equation (5) for every positive without annotation. "code2022": such items are dropped unless the whole
 * batch consists of them, and then their sum is divided by count·w without w in the numerator. Only the five-class head
 * learns from such items at all.
 */
export type SupersetRule = "paper" | "code2022";

export interface SeverityLossOptions extends SeverityItemOptions {
  /** One row per item. */
  readonly logits: readonly (readonly number[])[];
  readonly groups: readonly SeverityGroup[];
  readonly weights: SeverityWeights;
  /** "five-class" when left out. */
  readonly head?: SeverityHeadName;
  readonly superset?: SupersetRule;
  /** Default "weighted-mean": Σ wᵢℓᵢ / Σ wᵢ. */
  readonly reduction?: Reduction;
  /** How much of an item each row stands for, in [0, 1]: counts in the batch's divisor too. All 1 when left out. */
  readonly shares?: readonly number[];
  /** Factors of the items' losses that leave the divisor as it is. All 1 when left out. */
  readonly itemWeights?: readonly number[];
}

/** Weighted severity loss and dL/dlogits; 0 where the batch has nothing that the head learns from. */
export function severityLoss(options: SeverityLossOptions): LossAndGradient<number[][]> {
  const { logits, groups, head = "five-class" } = options;
  const factors = itemFactors(options);
  let loss = 0;
  const gradient = logits.map((row, i) => {
    if (factors[i] === 0) return row.map(() => 0);
    const item = severityHeads[head].item(row, groups[i]!, options);
    loss += factors[i]! * item.loss;
    return item.gradient.map((value) => factors[i]! * value);
  });
  return { loss, gradient };
}

/** What each item's loss is multiplied with: its weight over the batch's divisor. */
function itemFactors(options: SeverityLossOptions): number[] {
  const { groups, weights, superset = "paper", reduction = "weighted-mean", shares, itemWeights } = options;
  const { learnsFrom } = severityHeads[options.head ?? "five-class"];
  const share = groups.map((group, i) => learnsFrom(group) ? shares?.[i] ?? 1 : 0);
  const count = sum(share);
  if (count === 0) return share;
  const scaled = (factors: readonly number[]) => factors.map((factor, i) => factor * (itemWeights?.[i] ?? 1));
  const dropsPositives = superset === "code2022";
  if (dropsPositives && groups.every((group, i) => group === "positive" || share[i] === 0)) {
    return scaled(share.map((value) => value / (count * weights.positive)));
  }
  const weighted = groups.map((group, i) => dropsPositives && group === "positive" ? 0 : share[i]! * weights[group]);
  const divisor = reduction === "mean" ? count : sum(weighted);
  return scaled(weighted.map((weight) => weight / divisor));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
