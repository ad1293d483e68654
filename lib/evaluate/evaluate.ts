/** Scores of a trained run on a labelled split, with intervals; kept in the run folder. */
import { openDataset } from "../data/dataset.ts";
import type { Dataset, Scan, Split } from "../data/types.ts";
import type { EngineDescription } from "../engine/types.ts";
import { RunError } from "../errors.ts";
import { readRun } from "../train/run.ts";
import { type BothScores, intervalsOf, scorePredictions } from "./labelled.ts";
import { type FailedScan, predict, type PredictOptions } from "./predict.ts";
import type { Prediction } from "./prediction.ts";
import { type EvaluationFiles, evaluationFiles, writeEvaluation } from "./record.ts";
import { scanSetSha256 } from "./scan_set.ts";
import type { ResamplingOptions } from "./scores.ts";
import { type PredictionSettings, predictionSettings } from "./settings.ts";
import { scoredSplit } from "./split.ts";
import { chooseThreshold, decideAt, type ThresholdOption, type UsedThreshold } from "./threshold_choice.ts";
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
  /**
   * A scan is called positive when its probability is at least this: 0.5 by default; "auto" = the threshold with the
   * largest macro F1 on the run's validation split, which must have been evaluated before and is not the scored split.
   */
  readonly threshold?: ThresholdOption;
}

/** What `evaluation-<split>.json` holds. Optional fields are missing in records of older versions. */
export interface EvaluationRecord extends Partial<Omit<PredictionSettings, "weights" | "reflection">>, BothScores {
  readonly run: string;
  readonly dataset: string;
  readonly split: Split;
  readonly weights: TaskWeights;
  readonly reflection: boolean;
  readonly engine: EngineDescription;
  /** Labelled scans that were scored. */
  readonly scans: number;
  /** Keys and contents of all scans of the split, as one hash. */
  readonly scansSha256?: string;
  readonly predictionsSha256?: string;
  /** Of the presence decision. */
  readonly threshold?: UsedThreshold;
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
  readonly files: EvaluationFiles;
}

/**
 * Predicts every labelled scan of a split and scores it: macro and per-class F1, accuracy, AUC, confusion matrices,
 * calibration, with bootstrap intervals. Writes `predictions-<split>.csv` and `evaluation-<split>.json` into the run.
 * @throws those of `scoredSplit` (no such split, no labels), `chooseThreshold` and `predict`
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResult> {
  const dataset = options.dataset ?? await openDatasetOf(options);
  const { split, scans } = await scoredSplit({ ...options, dataset });
  const run = await readRun(options.run);
  const settings = await predictionSettings(run, options);
  const threshold = await chooseThreshold({ run, settings, split, threshold: options.threshold });
  const result = await predict({ cache: true, ...options, scans });
  if (!result.finished) throw new RunError("evaluate.stopped", "evaluation was stopped; nothing was written");
  const predictions = decideAt(result.predictions, threshold.value);
  const truth = truthOfScans(predictions, scans);
  const scansSha256 = await scanSetSha256(scans, { ...options, skipUnreadable: settings.skipUnreadable });
  const { finished: _, predictions: __, failed, ...used } = result;
  const record: EvaluationRecord = {
    ...used,
    dataset: dataset.root,
    split,
    scans: predictions.length,
    scansSha256,
    threshold,
    ...scorePredictions(predictions, truth, options),
    intervals: intervalsOf(truth, options),
    failed,
  };
  const files = evaluationFiles(run.folder, split);
  return { ...await writeEvaluation(files, record, predictions, truth), predictions, truth, files };
}

/** The scan of each prediction: unreadable ones have none. */
function truthOfScans(predictions: readonly Prediction[], scans: readonly Scan[]): Scan[] {
  const scanOf = new Map(scans.map((scan) => [scan.key, scan]));
  return predictions.map(({ key }) => scanOf.get(key)!);
}

async function openDatasetOf({ directory, patients }: EvaluateOptions): Promise<Dataset> {
  if (directory === undefined) throw new TypeError("evaluate: give `dataset` or `directory`");
  return await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
}
