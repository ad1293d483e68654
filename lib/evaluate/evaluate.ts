/** Scores of a trained run on a labelled split, with intervals; kept in the run folder. */
import { join } from "node:path";
import { openDataset } from "../data/dataset.ts";
import { type Dataset, type Scan, severities, type Split } from "../data/types.ts";
import type { EngineDescription } from "../engine/types.ts";
import { RunError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { type FailedScan, predict, type PredictOptions, type PredictResult } from "./predict.ts";
import { type Prediction, predictionRow, predictionsCsv, truthOf } from "./prediction.ts";
import {
  type PresenceScores,
  type ResamplingOptions,
  type Scored,
  type ScoredPresence,
  scorePresence,
  scoreSeverity,
  type TaskScores,
} from "./scores.ts";
import { scoredSplit } from "./split.ts";
import type { TaskWeights } from "./weights.ts";

export interface EvaluateOptions extends Omit<PredictOptions, "paths" | "scans">, ResamplingOptions {
  /** Folder in COV19-CT-DB layout. Give this or `dataset`. */
  readonly directory?: string;
  readonly dataset?: Dataset;
  /** CSV `scan;patient`: scans of one patient are then resampled together. */
  readonly patients?: string;
  /** Default "validation"; for a run that held out fold k of a folds file that fold, recorded as "fold-k". */
  readonly split?: Split;
  /** Default true: the user's cache folder. */
  readonly cache?: string | boolean;
}

/** What `evaluation-<split>.json` holds. */
export interface EvaluationRecord {
  readonly run: string;
  readonly dataset: string;
  readonly split: Split;
  readonly weights: TaskWeights;
  readonly reflection: boolean;
  readonly engine: EngineDescription;
  /** Labelled scans that were scored. */
  readonly scans: number;
  /** null = not trained, or no scan with this label in the split. */
  readonly presence: PresenceScores | null;
  readonly severity: TaskScores | null;
  readonly intervals: {
    readonly method: "percentile bootstrap";
    readonly unit: "scan" | "patient";
    readonly stratified: boolean;
  };
  readonly failed: readonly FailedScan[];
}

export interface EvaluationResult extends EvaluationRecord {
  readonly predictions: readonly Prediction[];
  /** The scans of `predictions`, in the same order. */
  readonly truth: readonly Scan[];
  readonly files: { readonly predictions: string; readonly evaluation: string };
}

/**
 * Predicts every labelled scan of a split and scores it: macro and per-class F1, accuracy, AUC, confusion matrices,
 * each score with a bootstrap interval. Writes `predictions-<split>.csv` and `evaluation-<split>.json` into the run.
 * @throws those of `scoredSplit` (no such split, no labels), and what `predict` throws
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResult> {
  const dataset = options.dataset ?? await openDatasetOf(options);
  const { split, scans } = await scoredSplit({ ...options, dataset });
  const result = await predict({ cache: true, ...options, scans });
  if (!result.finished) throw new RunError("evaluate.stopped", "evaluation was stopped; nothing was written");
  const scanOf = new Map(scans.map((scan) => [scan.key, scan]));
  const truth = result.predictions.map(({ key }) => scanOf.get(key)!);
  const record = scoreRecord({ dataset, split, result, truth, options });
  const files = await writeRecord(record, result.predictions, truth);
  return { ...record, predictions: result.predictions, truth, files };
}

async function openDatasetOf({ directory, patients }: EvaluateOptions): Promise<Dataset> {
  if (directory === undefined) throw new TypeError("evaluate: give `dataset` or `directory`");
  return await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
}

interface ScoreInput {
  readonly dataset: Dataset;
  readonly split: Split;
  readonly result: PredictResult;
  readonly truth: readonly Scan[];
  readonly options: EvaluateOptions;
}

function scoreRecord({ dataset, split, result, truth, options }: ScoreInput): EvaluationRecord {
  const { run, weights, reflection, engine, predictions, failed } = result;
  const presence = presencePairs(predictions, truth), severity = severityPairs(predictions, truth);
  return {
    run,
    dataset: dataset.root,
    split,
    weights,
    reflection,
    engine,
    scans: predictions.length,
    presence: presence.length === 0 ? null : scorePresence(presence, resampling(options)),
    severity: severity.length === 0 ? null : scoreSeverity(severity, resampling(options)),
    intervals: {
      method: "percentile bootstrap",
      unit: truth.some(({ patient }) => patient !== undefined) ? "patient" : "scan",
      stratified: options.stratified ?? true,
    },
    failed,
  };
}

function resampling({ resamples, level, seed, stratified }: EvaluateOptions): ResamplingOptions {
  return {
    ...(resamples === undefined ? {} : { resamples }),
    ...(level === undefined ? {} : { level }),
    ...(seed === undefined ? {} : { seed }),
    ...(stratified === undefined ? {} : { stratified }),
  };
}

function presencePairs(predictions: readonly Prediction[], truth: readonly Scan[]): ScoredPresence[] {
  return predictions.flatMap(({ presence, presenceProbability }, i) => {
    const scan = truth[i]!;
    if (presence === null || presenceProbability === null || scan.presence === undefined) return [];
    const pair = { truth: Number(scan.presence), predicted: Number(presence), probability: presenceProbability };
    return [withPatient(pair, scan)];
  });
}

/** Only scans with an annotated grade are scored. */
function severityPairs(predictions: readonly Prediction[], truth: readonly Scan[]): Scored[] {
  return predictions.flatMap(({ severity }, i) => {
    const scan = truth[i]!;
    if (severity === null || scan.severity === "undefined") return [];
    return [withPatient({ truth: severities.indexOf(scan.severity), predicted: severities.indexOf(severity) }, scan)];
  });
}

function withPatient<T extends Scored>(scored: T, { patient }: Scan): T {
  return patient === undefined ? scored : { ...scored, patient };
}

async function writeRecord(record: EvaluationRecord, predictions: readonly Prediction[], truth: readonly Scan[]) {
  const name = record.split.replaceAll(/[^\w.-]+/g, "-");
  const files = {
    predictions: join(record.run, `predictions-${name}.csv`),
    evaluation: join(record.run, `evaluation-${name}.json`),
  };
  const rows = predictions.map((prediction, i) => predictionRow(prediction, truthOf(truth[i]!)));
  await writeFileAtomic(files.predictions, predictionsCsv(rows));
  await writeFileAtomic(files.evaluation, JSON.stringify(record, null, 2) + "\n");
  return files;
}
