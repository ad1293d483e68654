/** The lines of a run's metrics.jsonl: one for every optimizer step, one for every epoch. */
import { classificationScores, confusionMatrix } from "../evaluate/metrics.ts";
import { decode } from "../evaluate/decode.ts";
import type { Scan } from "../data/types.ts";
import { severities } from "../data/types.ts";

/** One optimizer step. Losses are means over its batches; a task that is not trained is null. */
export interface StepMetrics {
  readonly kind: "step";
  /** Counted from 0. */
  readonly epoch: number;
  /** Steps since the start of the run, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly smoothLoss: number;
  readonly presenceLoss: number | null;
  readonly severityLoss: number | null;
  readonly learningRate: number;
  readonly momentum: number;
}

export interface TaskMetrics {
  readonly macroF1: number;
  readonly accuracy: number;
  /** Classes that occur in truth or predictions, in the order of `perClassF1`. */
  readonly labels: readonly number[];
  readonly perClassF1: readonly number[];
  /** Rows are the truth. 2×2: negative, positive; 4×4: mild, moderate, severe, critical. */
  readonly confusion: readonly (readonly number[])[];
}

/** One epoch with its validation. A task that is not trained, or has no labelled scan, is null. */
export interface EpochMetrics {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly step: number;
  readonly trainLoss: number;
  readonly trainPresenceLoss: number | null;
  readonly trainSeverityLoss: number | null;
  readonly validationLoss: number;
  readonly presence: TaskMetrics | null;
  readonly severity: TaskMetrics | null;
  /** Best macro F1 up to here. */
  readonly bestPresenceF1: number | null;
  readonly bestSeverityF1: number | null;
  /** Wall-clock of this session's part of the epoch; the one group of fields that differs from run to run. */
  readonly timing: {
    readonly seconds: number;
    /** Time that training and validation spent on getting volumes: asking, receiving, waiting; part of `seconds`. */
    readonly stallSeconds: number;
    readonly validationSeconds: number;
    readonly residentBytes: number;
  };
}

export type MetricsLine = StepMetrics | EpochMetrics;

/** λ = 0 leaves severity untrained, λ = 1 leaves presence untrained: no number is reported for them. */
export interface TrainedTasks {
  readonly presence: boolean;
  readonly severity: boolean;
}

export function trainedTasks(severityFactor: number): TrainedTasks {
  return { presence: severityFactor < 1, severity: severityFactor > 0 };
}

/** Presence over all labelled scans, severity over annotated scans only. `logits[i]` belongs to `scans[i]`. */
export function taskMetrics(
  scans: readonly Scan[],
  logits: readonly ArrayLike<number>[],
  trained: TrainedTasks,
): { presence: TaskMetrics | null; severity: TaskMetrics | null } {
  const decoded = logits.map(decode);
  const presence: [number, number][] = [], severity: [number, number][] = [];
  scans.forEach((scan, i) => {
    const { presence: positive, severity: grade } = decoded[i]!;
    if (scan.presence !== undefined) presence.push([Number(scan.presence), Number(positive)]);
    if (scan.severity !== "undefined" && grade !== null) severity.push([severities.indexOf(scan.severity), grade]);
  });
  return {
    presence: trained.presence ? scorePairs(presence, 2) : null,
    severity: trained.severity ? scorePairs(severity, severities.length) : null,
  };
}

function scorePairs(pairs: readonly (readonly [number, number])[], classes: number): TaskMetrics | null {
  if (pairs.length === 0) return null;
  const truth = pairs.map(([label]) => label), predicted = pairs.map(([, label]) => label);
  const { macroF1, accuracy, labels, perClassF1 } = classificationScores(truth, predicted);
  return { macroF1, accuracy, labels, perClassF1, confusion: confusionMatrix(truth, predicted, classes) };
}

/** "0.8123", or "–" for a task that is not trained. */
export function formatScore(score: number | null | undefined): string {
  return score === null || score === undefined ? "–" : score.toFixed(4);
}
