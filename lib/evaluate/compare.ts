/** Whether one model is better than another on the same scans: paired differences with intervals, and tests. */
import { auc } from "./auc.ts";
import { type DeLongTest, delongTest } from "./delong.ts";
import { presencePairs, severityPairs } from "./labelled.ts";
import { type McNemar, mcnemar } from "./mcnemar.ts";
import { classificationScores } from "./metrics.ts";
import { pairedBootstrap, type PairedDifference } from "./paired_bootstrap.ts";
import type { Prediction, Truth } from "./prediction.ts";
import { macroAuc, type ResamplingOptions, type Scored } from "./scores.ts";

/** A score of both models, and first − second. */
export interface PairedScore {
  readonly first: number;
  readonly second: number;
  readonly difference: PairedDifference;
}

export interface TaskComparison {
  /** Scans with a known answer. */
  readonly scans: number;
  readonly macroF1: PairedScore;
  readonly accuracy: PairedScore;
  /** Presence: area under the ROC curve; severity: mean one-vs-rest area. Null without probabilities. */
  readonly auc: PairedScore | null;
  /** Presence only. */
  readonly delong: DeLongTest | null;
  readonly mcnemar: McNemar;
}

export interface Comparison {
  /** null = one of the models does not answer this, or no scan has this label. */
  readonly presence: TaskComparison | null;
  readonly severity: TaskComparison | null;
}

export interface ComparePredictionsOptions extends ResamplingOptions {
  readonly first: readonly Prediction[];
  /** Of the same scans in the same order. */
  readonly second: readonly Prediction[];
  readonly truth: readonly Truth[];
}

/**
 * Paired bootstrap of the differences of macro F1, accuracy and AUC (patients resampled together where they are known,
 * class sizes kept), DeLong's test of the areas, McNemar's test of the answers.
 */
export function comparePredictions({ first, second, truth, ...options }: ComparePredictionsOptions): Comparison {
  const both = <T extends Scored>(pairs: (predictions: readonly Prediction[], truth: readonly Truth[]) => T[]) => {
    // Scans that both models answer: pairs leaves out a scan without an answer, so one at a time.
    const kept = first.map((_, i) => [pairs([first[i]!], [truth[i]!])[0], pairs([second[i]!], [truth[i]!])[0]] as const)
      .filter(([a, b]) => a !== undefined && b !== undefined);
    return { a: kept.map(([a]) => a!), b: kept.map(([, b]) => b!) };
  };
  const presence = both(presencePairs), severity = both(severityPairs);
  return {
    presence: presence.a.length === 0 ? null : {
      ...compareAnswers(presence.a, presence.b, options),
      ...comparePresenceAreas(presence.a, presence.b, options),
    },
    severity: severity.a.length === 0 ? null : {
      ...compareAnswers(severity.a, severity.b, options),
      auc: compareSeverityAreas(severity.a, severity.b, options),
      delong: null,
    },
  };
}

function compareAnswers(a: readonly Scored[], b: readonly Scored[], options: ResamplingOptions) {
  const truth = a.map((scan) => scan.truth);
  const scoresOf = (scored: readonly Scored[]) => (indices: readonly number[]) =>
    classificationScores(indices.map((i) => truth[i]!), indices.map((i) => scored[i]!.predicted));
  const first = scoresOf(a), second = scoresOf(b);
  const paired = (score: "macroF1" | "accuracy") =>
    pairedScore(a, (indices) => first(indices)[score], (indices) => second(indices)[score], options);
  const right = (scored: readonly Scored[]) => scored.map(({ truth, predicted }) => truth === predicted);
  return {
    scans: a.length,
    macroF1: paired("macroF1"),
    accuracy: paired("accuracy"),
    mcnemar: mcnemar(right(a), right(b)),
  };
}

type WithProbability = ReturnType<typeof presencePairs>;
type WithGrades = ReturnType<typeof severityPairs>;

function comparePresenceAreas(a: WithProbability, b: WithProbability, options: ResamplingOptions) {
  const positive = a.map(({ truth }) => truth === 1);
  const area = (scored: WithProbability) => (indices: readonly number[]) =>
    auc(indices.map((i) => positive[i]!), indices.map((i) => scored[i]!.probability));
  const scores = (scored: WithProbability) => scored.map(({ probability }) => probability);
  return {
    auc: pairedScore(a, area(a), area(b), options),
    delong: delongTest(positive, scores(a), scores(b), options.level),
  };
}

function compareSeverityAreas(a: WithGrades, b: WithGrades, options: ResamplingOptions): PairedScore | null {
  if (![...a, ...b].every(({ probabilities }) => probabilities)) return null;
  const area = (scored: WithGrades) => (indices: readonly number[]) =>
    macroAuc(indices.map((i) => scored[i]!.truth), indices.map((i) => scored[i]!.probabilities!));
  return pairedScore(a, area(a), area(b), options);
}

function pairedScore(
  scored: readonly Scored[],
  first: (indices: readonly number[]) => number,
  second: (indices: readonly number[]) => number,
  { stratified = true, ...options }: ResamplingOptions,
): PairedScore {
  const all = scored.map((_, i) => i);
  return {
    first: first(all),
    second: second(all),
    difference: pairedBootstrap({
      items: scored.length,
      statistic: (indices) => first(indices) - second(indices),
      clusters: scored.map(({ patient }) => patient),
      ...(stratified ? { strata: scored.map(({ truth }) => truth) } : {}),
      ...options,
    }),
  };
}
