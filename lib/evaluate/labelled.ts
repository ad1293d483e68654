/** Predictions beside the truth: what is scored of them. */
import { severities } from "../data/types.ts";
import type { Prediction, Truth } from "./prediction.ts";
import {
  type PresenceScores,
  type ResamplingOptions,
  type Scored,
  type ScoredPresence,
  type ScoredSeverity,
  scorePresence,
  scoreSeverity,
  type SeverityScores,
} from "./scores.ts";

export interface BothScores {
  /** null = not trained, or no scan with this label. */
  readonly presence: PresenceScores | null;
  readonly severity: SeverityScores | null;
}

/** Scores both tasks. `truth[i]` belongs to `predictions[i]`. */
export function scorePredictions(
  predictions: readonly Prediction[],
  truth: readonly Truth[],
  options: ResamplingOptions = {},
): BothScores {
  const presence = presencePairs(predictions, truth), severity = severityPairs(predictions, truth);
  return {
    presence: presence.length === 0 ? null : scorePresence(presence, resampling(options)),
    severity: severity.length === 0 ? null : scoreSeverity(severity, resampling(options)),
  };
}

/** Scans with a known presence and an answer. */
export function presencePairs(predictions: readonly Prediction[], truth: readonly Truth[]): ScoredPresence[] {
  return predictions.flatMap(({ presence, presenceProbability }, i) => {
    const scan = truth[i]!;
    if (presence === null || presenceProbability === null || scan.presence === undefined) return [];
    const pair = { truth: Number(scan.presence), predicted: Number(presence), probability: presenceProbability };
    return [withPatient(pair, scan)];
  });
}

/** Only scans with an annotated grade are scored. */
export function severityPairs(predictions: readonly Prediction[], truth: readonly Truth[]): ScoredSeverity[] {
  return predictions.flatMap(({ severity, severityProbabilities }, i) => {
    const scan = truth[i]!;
    if (severity === null || scan.severity === "undefined") return [];
    const pair = { truth: severities.indexOf(scan.severity), predicted: severities.indexOf(severity) };
    return [withPatient({ ...pair, probabilities: severityProbabilities }, scan)];
  });
}

/** How intervals of these scans are made. */
export function intervalsOf(truth: readonly Truth[], { stratified = true }: ResamplingOptions) {
  return {
    method: "percentile bootstrap",
    unit: truth.some(({ patient }) => patient !== undefined) ? "patient" : "scan",
    stratified,
  } as const;
}

/** The resampling part of larger options. */
export function resampling({ resamples, level, seed, stratified }: ResamplingOptions): ResamplingOptions {
  return {
    ...(resamples === undefined ? {} : { resamples }),
    ...(level === undefined ? {} : { level }),
    ...(seed === undefined ? {} : { seed }),
    ...(stratified === undefined ? {} : { stratified }),
  };
}

function withPatient<T extends Scored>(scored: T, { patient }: Truth): T {
  return patient === undefined ? scored : { ...scored, patient };
}
