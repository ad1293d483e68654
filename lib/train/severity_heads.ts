/** The ways of reading severity off the outputs that follow the presence logit: names, outputs, and the loss of one item. */
import { ConfigError } from "../errors.ts";
import { crossEntropy, supersetLoss } from "./cross_entropy.ts";
import { earthMover } from "./earth_mover.ts";
import { focalCrossEntropy, focalSuperset } from "./focal_loss.ts";
import type { LossAndGradient } from "./presence_loss.ts";
import { type RegressionLossName, severityRegression } from "./severity_regression.ts";
import { gradeTarget, isGrade, neighbourSmoothedTarget, type SeverityGroup, severityTarget } from "./targets.ts";

/**
 * "five-class": mild, moderate, severe, critical, negative (the paper; the original's `--severity-everything`).
 * "four-class": the four grades (the original's default). "regression": one logit (`--severity-regression`).
 */
export const severityHeadNames = ["five-class", "four-class", "regression"] as const;
export type SeverityHeadName = typeof severityHeadNames[number];

/** Number of severity logits. */
export const severityHeadOutputs: Readonly<Record<SeverityHeadName, number>> = {
  "five-class": 5,
  "four-class": 4,
  "regression": 1,
};

/** What changes the loss of an item besides its logits and its group. */
export interface SeverityItemOptions {
  /** ε₂ */
  readonly smoothing: number;
  /** Four-class head only: smooth over neighbouring grades; without it that head's targets are not smoothed at all. */
  readonly neighbourSmoothing?: boolean;
  /** γ of the focal factor; 0 = off. Not for the regression head. */
  readonly focalGamma?: number;
  /** w in (1 − w)·classification + w·earth mover; 0 = off. Not for the regression head. */
  readonly earthMover?: number;
  /** Regression head only; default "cross-entropy". */
  readonly regressionLoss?: RegressionLossName;
}

export interface SeverityHead {
  /** Groups that the head can learn from: the five-class head from all, the others from graded positives only. */
  learnsFrom(group: SeverityGroup): boolean;
  /** Un-weighted loss of one item of such a group, and its gradient. */
  item(logits: readonly number[], group: SeverityGroup, options: SeverityItemOptions): LossAndGradient<number[]>;
}

const fiveClass: SeverityHead = {
  learnsFrom: () => true,
  item(logits, group, options) {
    if (group !== "positive") return classification(logits, severityTarget(group, options.smoothing), group, options);
    const { focalGamma = 0 } = options;
    const loss = focalGamma === 0 ? supersetLoss(logits) : focalSuperset(logits, focalGamma);
    return withEarthMover(loss, logits, [], group, options);
  },
};

const fourClass: SeverityHead = {
  learnsFrom: isGrade,
  item(logits, group, options) {
    if (!isGrade(group)) throw new RangeError(`the four-class head has no target for "${group}"`);
    const { neighbourSmoothing = false, smoothing } = options;
    const target = neighbourSmoothing ? neighbourSmoothedTarget(group, smoothing) : gradeTarget(group);
    return classification(logits, target, group, options);
  },
};

const regression: SeverityHead = {
  learnsFrom: isGrade,
  item(logits, group, { regressionLoss = "cross-entropy" }) {
    if (!isGrade(group)) throw new RangeError(`the regression head has no target for "${group}"`);
    return severityRegression(logits, group, regressionLoss);
  },
};

export const severityHeads: Readonly<Record<SeverityHeadName, SeverityHead>> = {
  "five-class": fiveClass,
  "four-class": fourClass,
  "regression": regression,
};

function classification(
  logits: readonly number[],
  target: readonly number[],
  group: SeverityGroup,
  options: SeverityItemOptions,
): LossAndGradient<number[]> {
  const { focalGamma = 0 } = options;
  const loss = focalGamma === 0 ? crossEntropy(logits, target) : focalCrossEntropy(logits, target, focalGamma);
  return withEarthMover(loss, logits, target, group, options);
}

/** (1 − w)·loss + w·earth mover, the sum of the 2023 program. */
function withEarthMover(
  { loss, gradient }: LossAndGradient<number[]>,
  logits: readonly number[],
  target: readonly number[],
  group: SeverityGroup,
  { earthMover: weight = 0 }: SeverityItemOptions,
): LossAndGradient<number[]> {
  if (weight === 0) return { loss, gradient };
  const moved = earthMover(logits, target, group);
  return {
    loss: (1 - weight) * loss + weight * moved.loss,
    gradient: gradient.map((value, c) => (1 - weight) * value + weight * moved.gradient[c]!),
  };
}

/** An option of a severity loss that contradicts its head: its field, and a sentence without a subject. */
export interface SeverityContradiction {
  readonly field: "neighbourSmoothing" | "focalGamma" | "earthMover" | "regressionLoss";
  readonly problem: string;
}

/** None where the options fit. */
export function severityContradictions(
  { severityHead, neighbourSmoothing = false, focalGamma = 0, earthMover: weight = 0, regressionLoss }:
    & { readonly severityHead: SeverityHeadName }
    & Omit<SeverityItemOptions, "smoothing">,
): SeverityContradiction[] {
  const problems: SeverityContradiction[] = [];
  if (neighbourSmoothing && severityHead !== "four-class") {
    problems.push({ field: "neighbourSmoothing", problem: `is for the four-class head, not for "${severityHead}"` });
  }
  for (const [field, value] of Object.entries({ focalGamma, earthMover: weight })) {
    if (severityHead !== "regression" || value === 0) continue;
    problems.push({ field: field as "focalGamma", problem: "is for heads with classes, not for regression" });
  }
  if (severityHead !== "regression" && regressionLoss === "squared-error") {
    problems.push({ field: "regressionLoss", problem: `is for the regression head, not for "${severityHead}"` });
  }
  return problems;
}

/** @throws ConfigError "loss.head" */
export function assertSeverityOptions(options: Parameters<typeof severityContradictions>[0]): void {
  const [first] = severityContradictions(options);
  if (first !== undefined) throw new ConfigError("loss.head", `${first.field} ${first.problem}`);
}
