/** Scores of both tasks with bootstrap intervals. */
import { severities } from "../data/types.ts";
import { auc, rocCurve, type RocPoint } from "./auc.ts";
import { bootstrapInterval, type Interval } from "./intervals.ts";
import { classificationScores, confusionMatrix } from "./metrics.ts";

export interface ClassScores {
  readonly label: string;
  /** True members of the class. */
  readonly scans: number;
  readonly f1: Interval;
  readonly precision: number;
  readonly recall: number;
}

export interface TaskScores {
  /** Scans with a known answer. */
  readonly scans: number;
  readonly macroF1: Interval;
  readonly accuracy: Interval;
  /** Classes that occur in the truth or in the predictions. */
  readonly classes: readonly ClassScores[];
  readonly labels: readonly string[];
  /** Rows are the truth, columns the predictions, in the order of `labels`. */
  readonly confusion: readonly (readonly number[])[];
}

export interface PresenceScores extends TaskScores {
  /** Area under the ROC curve of the presence probability; NaN where one class is missing. */
  readonly auc: Interval;
  readonly roc: readonly RocPoint[];
}

export interface ResamplingOptions {
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  readonly seed?: number;
  /** Keep the number of scans (or patients) of each true class fixed, so that no class vanishes; default true. */
  readonly stratified?: boolean;
}

export const presenceLabels = ["non-COVID-19", "COVID-19"] as const;

/** One scan with a known answer: true class, predicted class, patient where known. */
export interface Scored {
  readonly truth: number;
  readonly predicted: number;
  readonly patient?: string;
}

/** One scan with known presence: classes 0 and 1, and the probability that the ROC curve needs. */
export interface ScoredPresence extends Scored {
  readonly probability: number;
}

export function scorePresence(scored: readonly ScoredPresence[], options: ResamplingOptions = {}): PresenceScores {
  const positive = scored.map(({ truth }) => truth === 1), probability = scored.map((scan) => scan.probability);
  const area = (indices: readonly number[]) =>
    auc(indices.map((i) => positive[i]!), indices.map((i) => probability[i]!));
  return {
    ...scoreTask(scored, presenceLabels, options),
    auc: resample(scored, area, options),
    roc: rocCurve(positive, probability),
  };
}

export function scoreSeverity(scored: readonly Scored[], options: ResamplingOptions = {}): TaskScores {
  return scoreTask(scored, severities, options);
}

function scoreTask(scored: readonly Scored[], labels: readonly string[], options: ResamplingOptions): TaskScores {
  const truth = scored.map((scan) => scan.truth), predicted = scored.map((scan) => scan.predicted);
  const scoresOf = (indices: readonly number[]) =>
    classificationScores(indices.map((i) => truth[i]!), indices.map((i) => predicted[i]!));
  const interval = (score: (scores: ReturnType<typeof scoresOf>) => number) =>
    resample(scored, (indices) => score(scoresOf(indices)), options);
  const scores = classificationScores(truth, predicted);
  return {
    scans: scored.length,
    macroF1: interval(({ macroF1 }) => macroF1),
    accuracy: interval(({ accuracy }) => accuracy),
    classes: scores.labels.map((label, i) => ({
      label: labels[label]!,
      scans: scores.support[i]!,
      f1: interval(({ labels, perClassF1 }) => perClassF1[labels.indexOf(label)] ?? NaN),
      precision: scores.precision[i]!,
      recall: scores.recall[i]!,
    })),
    labels,
    confusion: confusionMatrix(truth, predicted, labels.length),
  };
}

function resample(
  scored: readonly Scored[],
  statistic: (indices: readonly number[]) => number,
  { stratified = true, ...options }: ResamplingOptions,
): Interval {
  return bootstrapInterval({
    items: scored.length,
    statistic,
    clusters: scored.map(({ patient }) => patient),
    ...(stratified ? { strata: scored.map(({ truth }) => truth) } : {}),
    ...options,
  });
}
