/** Scores of both tasks with intervals. */
import { severities } from "../data/types.ts";
import { auc, rocCurve, type RocPoint } from "./auc.ts";
import {
  type BrierDecomposition,
  brierDecomposition,
  brierScore,
  expectedCalibrationError,
  maximumCalibrationError,
  multiclassBrier,
  type ReliabilityBin,
  reliabilityCurve,
  topLabel,
} from "./calibration.ts";
import { type DeLongInterval, delongInterval } from "./delong.ts";
import { bootstrapInterval, type Interval } from "./intervals.ts";
import { mean } from "./mean.ts";
import { bestThreshold, thresholdCurve, type ThresholdPoint } from "./thresholds.ts";
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
  /** Of the presence probability, or of the probability of the answered grade. Records of older versions lack it. */
  readonly calibration?: Calibration;
}

/** Whether probabilities are what they say; ten bins. */
export interface Calibration {
  /** Presence: mean (p − y)², 0…1. Severity: mean over scans of the sum over the four grades, 0…2. */
  readonly brier: Interval;
  /** Expected calibration error with bins of equal width, and of equal mass. */
  readonly ece: number;
  readonly eceMass: number;
  /** Maximum calibration error, bins of equal width. */
  readonly mce: number;
  /** The reliability curve, bins of equal width. */
  readonly bins: readonly ReliabilityBin[];
  /** Presence only. */
  readonly decomposition?: BrierDecomposition;
}

export interface PresenceScores extends TaskScores {
  /** Area under the ROC curve of the presence probability, bootstrap interval; NaN where one class is missing. */
  readonly auc: Interval;
  /** The same area with DeLong's interval, which takes scans as independent. Records of older versions lack it. */
  readonly aucDelong?: DeLongInterval;
  readonly roc: readonly RocPoint[];
  /**
   * The thresholds that would have been best on these scans. To be applied to other scans: on these, their scores
   * promise too much.
   */
  readonly bestThresholds?: Readonly<Record<"macroF1" | "youden", ThresholdPoint | null>>;
}

export interface SeverityScores extends TaskScores {
  /** Each grade against the other grades, by its probability; NaN for a grade that is absent. */
  readonly oneVsRest?: readonly { readonly label: string; readonly auc: DeLongInterval }[];
  /** Mean of the areas that are defined, bootstrap interval. */
  readonly macroAuc?: Interval;
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

/** One scan with a known grade; a head that answers without probabilities has none. */
export interface ScoredSeverity extends Scored {
  readonly probabilities?: readonly number[] | null;
}

export function scorePresence(scored: readonly ScoredPresence[], options: ResamplingOptions = {}): PresenceScores {
  const positive = scored.map(({ truth }) => truth === 1), probability = scored.map((scan) => scan.probability);
  const area = (indices: readonly number[]) =>
    auc(indices.map((i) => positive[i]!), indices.map((i) => probability[i]!));
  const brier = (indices: readonly number[]) =>
    brierScore(indices.map((i) => positive[i]!), indices.map((i) => probability[i]!));
  const thresholds = thresholdCurve(positive, probability);
  return {
    ...scoreTask(scored, presenceLabels, options),
    auc: resample(scored, area, options),
    aucDelong: delongInterval(positive, probability, options.level),
    roc: rocCurve(positive, probability),
    bestThresholds: {
      macroF1: bestThreshold(thresholds, "macroF1") ?? null,
      youden: bestThreshold(thresholds, "youden") ?? null,
    },
    calibration: {
      ...calibration(positive, probability, resample(scored, brier, options)),
      decomposition: brierDecomposition(positive, probability),
    },
  };
}

export function scoreSeverity(scored: readonly ScoredSeverity[], options: ResamplingOptions = {}): SeverityScores {
  const scores = scoreTask(scored, severities, options);
  const rows = scored.flatMap(({ probabilities }) => probabilities ? [probabilities] : []);
  if (rows.length < scored.length || scored.length === 0) return scores;
  const truth = scored.map((scan) => scan.truth);
  const of = (indices: readonly number[]) => [indices.map((i) => truth[i]!), indices.map((i) => rows[i]!)] as const;
  const { right, confidence } = topLabel(truth, rows);
  return {
    ...scores,
    oneVsRest: severities.map((label, grade) => ({
      label,
      auc: delongInterval(truth.map((t) => t === grade), rows.map((row) => row[grade]!), options.level),
    })),
    macroAuc: resample(scored, (indices) => macroAuc(...of(indices)), options),
    calibration: calibration(
      right,
      confidence,
      resample(scored, (indices) => multiclassBrier(...of(indices)), options),
    ),
  };
}

/** Mean one-vs-rest area over the classes that occur and are not alone; NaN where there is none. */
export function macroAuc(truth: readonly number[], probabilities: readonly (readonly number[])[]): number {
  const areas = (probabilities[0] ?? []).map((_, c) =>
    auc(truth.map((t) => t === c), probabilities.map((row) => row[c]!))
  );
  return mean(areas.filter((area) => !Number.isNaN(area)));
}

function calibration(right: readonly boolean[], probability: readonly number[], brier: Interval): Calibration {
  const bins = reliabilityCurve(right, probability);
  return {
    brier,
    ece: expectedCalibrationError(bins),
    eceMass: expectedCalibrationError(reliabilityCurve(right, probability, { binning: "mass" })),
    mce: maximumCalibrationError(bins),
    bins,
  };
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
