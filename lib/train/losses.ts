/** The training loss, equation (6): L = (1 − λ)·L₁ + λ·L₂. */
import { ConfigError } from "../errors.ts";
import type { ClassWeights } from "./class_weights.ts";
import { presenceLoss, type PresenceWeighting } from "./presence_loss.ts";
import {
  assertSeverityOptions,
  type SeverityHeadName,
  severityHeadOutputs,
  type SeverityItemOptions,
} from "./severity_heads.ts";
import { severityLoss, type SupersetRule } from "./severity_loss.ts";
import { groupOf, type Label } from "./targets.ts";

export interface Cov3dLossConfig extends Omit<SeverityItemOptions, "smoothing"> {
  /** λ: 0 = presence only (one output is enough), 1 = severity only (the presence output stays untrained). */
  readonly severityFactor: number;
  /** ε₁ */
  readonly presenceSmoothing: number;
  /** ε₂ */
  readonly severitySmoothing: number;
  readonly weights: ClassWeights;
  /** "positive-term" (the code's pos_weight) when left out; the paper's w_i is "item". */
  readonly presenceWeighting?: PresenceWeighting;
  /** The paper's rule when left out. */
  readonly superset?: SupersetRule;
  /** "five-class" when left out. */
  readonly head?: SeverityHeadName;
}

export interface Cov3dLossOptions extends Cov3dLossConfig {
  /** [N, 1 + 5]: presence, then mild, moderate, severe, critical, negative; [N, 1] when λ = 0; other heads have 4 or 1. */
  readonly logits: readonly (readonly number[])[];
  readonly labels: readonly Label[];
  /** How much of a scan each row stands for (mixup): counts in the batch's divisor. All 1 when left out. */
  readonly shares?: readonly number[];
  /** Factors of the scans' losses, both tasks, that leave the divisor as it is. All 1 when left out. */
  readonly itemWeights?: readonly number[];
}

export interface Cov3dLoss {
  readonly loss: number;
  /** L₁; absent when λ = 1. */
  readonly presenceLoss?: number;
  /** L₂; absent when λ = 0. */
  readonly severityLoss?: number;
  /** dL/dlogits, shaped as the logits. */
  readonly dLogits: number[][];
}

/** Loss of one batch and its gradient, in float64. */
export function cov3dLoss(options: Cov3dLossOptions): Cov3dLoss {
  const { logits, labels, severityFactor: lambda, weights, head = "five-class" } = options;
  assertShapes(options, head);
  assertSeverityOptions({ ...options, severityHead: head });
  const rows = {
    ...(options.shares === undefined ? {} : { shares: options.shares }),
    ...(options.itemWeights === undefined ? {} : { itemWeights: options.itemWeights }),
  };
  const dLogits = logits.map((row) => row.map(() => 0));
  let loss = 0;
  const parts: { presenceLoss?: number; severityLoss?: number } = {};
  if (lambda < 1) {
    const task1 = presenceLoss({
      logits: logits.map((row) => row[0]!),
      presence: labels.map((label) => label.presence),
      smoothing: options.presenceSmoothing,
      weights: weights.presence,
      weighting: options.presenceWeighting ?? "positive-term",
      ...rows,
    });
    loss += (1 - lambda) * task1.loss;
    parts.presenceLoss = task1.loss;
    task1.gradient.forEach((value, i) => dLogits[i]![0] = (1 - lambda) * value);
  }
  if (lambda > 0) {
    const task2 = severityLoss({
      ...itemOptions(options),
      ...rows,
      logits: logits.map((row) => row.slice(1)),
      groups: labels.map(groupOf),
      smoothing: options.severitySmoothing,
      weights: weights.severity,
      head,
      superset: options.superset ?? "paper",
    });
    loss += lambda * task2.loss;
    parts.severityLoss = task2.loss;
    task2.gradient.forEach((row, i) => row.forEach((value, c) => dLogits[i]![c + 1] = lambda * value));
  }
  return { loss, ...parts, dLogits };
}

function itemOptions(options: Cov3dLossOptions): Omit<SeverityItemOptions, "smoothing"> {
  const { neighbourSmoothing = false, focalGamma = 0, earthMover = 0, regressionLoss = "cross-entropy" } = options;
  return { neighbourSmoothing, focalGamma, earthMover, regressionLoss };
}

function assertShapes(
  { logits, labels, severityFactor, shares, itemWeights }: Cov3dLossOptions,
  head: SeverityHeadName,
): void {
  if (!(severityFactor >= 0 && severityFactor <= 1)) {
    throw new ConfigError("loss.severity_factor", "λ cannot be used", {
      expected: "a number in [0, 1]",
      found: String(severityFactor),
    });
  }
  const needed = severityFactor === 0 ? 1 : 1 + severityHeadOutputs[head];
  const wrong = logits.find((row) => severityFactor === 0 ? row.length < 1 : row.length !== needed);
  const counts = [logits, shares, itemWeights].flatMap((rows) => rows?.length ?? []);
  if (counts.every((count) => count === labels.length) && logits.length > 0 && wrong === undefined) return;
  throw new ConfigError("loss.shape", "logits and labels do not fit together", {
    expected: `one row of ${needed} logits per label (${labels.length} labels)`,
    found: `${logits.length} rows of ${(wrong ?? logits[0])?.length ?? 0}`,
  });
}

/** Rows of a flat [rows, columns] array such as a tensor's data. */
export function toRows(values: ArrayLike<number>, columns: number): number[][] {
  return Array.from(
    { length: values.length / columns },
    (_, row) => Array.from({ length: columns }, (_, column) => values[row * columns + column]!),
  );
}
