/** Predictions of a trained run for scans on disk. */
import { resolve } from "node:path";
import { scansFromPaths } from "../data/scans_from_paths.ts";
import { recipeFor } from "../data/size.ts";
import type { Scan } from "../data/types.ts";
import { severities } from "../data/types.ts";
import { chooseEngine, parseEngineChoice } from "../engine/registry.ts";
import type { EngineChoice, EngineDescription } from "../engine/types.ts";
import { DataError, errorFromJSON } from "../errors.ts";
import type { CheckpointName } from "../train/checkpoint.ts";
import { readRun, type Run } from "../train/run.ts";
import { runInWorker } from "../worker.ts";
import { decode, type Decoded, decodeViews, type ReflectionRule } from "./decode.ts";
import type { PredictMessage, PredictTask } from "./predict_worker.ts";
import type { Prediction } from "./prediction.ts";
import { combineSamples, type Uncertainty } from "./uncertainty.ts";
import { type PredictionSettings, predictionSettings } from "./settings.ts";
import type { WeightsChoice } from "./weights.ts";

export interface PredictOptions {
  /** Run folder made by `train`. */
  readonly run: string;
  /** Scan folders, or folders that contain them. Give these or `scans`. */
  readonly paths?: readonly string[];
  readonly scans?: readonly Scan[];
  /** Default: COV3D_ENGINE, else "auto". */
  readonly engine?: EngineChoice;
  readonly device?: string;
  /** Default "auto": for each task the weights that were best for it. */
  readonly weights?: WeightsChoice;
  /** Test-time reflection: average over the scan and its mirror image (default true). */
  readonly reflection?: boolean;
  /** How the two views are averaged; default: the run's `inference.reflectionRule`. */
  readonly reflectionRule?: ReflectionRule;
  /**
   * Monte-Carlo dropout: so many passes with dropout active instead of the two views. Probabilities are then means over
   * the samples, and each prediction has its `uncertainty`. The run must have been trained with dropout.
   */
  readonly mcSamples?: number;
  /** Names the dropout masks; default: the run's seed. The same seed gives the same answers, in any order of scans. */
  readonly mcSeed?: number;
  /** Leave unreadable slices out, and scans of which nothing can be read; default: as the run was trained. */
  readonly skipUnreadable?: boolean;
  /** Preprocessed volumes to use and fill: a folder, or true for the user's. Default: nothing is stored. */
  readonly cache?: string | boolean;
  readonly onProgress?: (progress: PredictProgress) => void;
  /** Aborting ends after the current scan; the result then holds what was done. */
  readonly signal?: AbortSignal;
}

export interface PredictProgress {
  readonly done: number;
  readonly total: number;
  /** Set with the first report: what computes. */
  readonly engine?: EngineDescription;
}

export interface FailedScan {
  readonly key: string;
  readonly folder: string;
  readonly reason: string;
}

export interface PredictResult extends PredictionSettings {
  readonly run: string;
  readonly engine: EngineDescription;
  /** In the order of the scans. */
  readonly predictions: readonly Prediction[];
  /** Scans of which nothing could be read (only with `skipUnreadable`). */
  readonly failed: readonly FailedScan[];
  /** False when the signal ended it early. */
  readonly finished: boolean;
}

/**
 * Presence and severity of every scan. The engine runs in a Worker, so that the caller's thread stays free.
 * @throws RunError (no such run, no finished epoch), ConfigError "mc.no-dropout" | "mc.samples", DataError (a scan
 * cannot be read), EngineError
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const run = await readRun(options.run);
  const settings = await predictionSettings(run, options);
  const { weightsSha256, reflectionRule, monteCarlo } = settings;
  const scans = options.scans ?? await scansFromPaths(options.paths ?? []);
  if (scans.length === 0) throw new DataError("scan-missing", "there are no scans to predict");
  const checkpoints = differentWeights(settings);
  const task = await predictTask(run, [...checkpoints.values()], scans, settings, options);
  const places = [...checkpoints.keys()];
  const { signal, onProgress } = options;
  const answerOf = (message: ScanMessage): Prediction => {
    const answers = (sha256: string | null) =>
      sha256 === null
        ? null
        : combineViews(message.logits[places.indexOf(sha256)]!, reflectionRule, monteCarlo !== null);
    const { presence, severity } = weightsSha256;
    return predictionOf(scans[message.index]!, answers(presence), answers(severity), message.skipped);
  };
  const predictions: Prediction[] = [], failed: FailedScan[] = [];
  let engine: EngineDescription | undefined;
  const { finished } = await runInWorker<PredictTask, PredictMessage, { finished: boolean }>(
    new URL("./predict_worker.ts", import.meta.url),
    task,
    {
      ...(signal === undefined ? {} : { signal }),
      onMessage(message) {
        if (message.kind === "engine") engine = message.description;
        else if (message.kind === "failed") failed.push(failedScan(scans[message.index]!, message.error));
        else predictions.push(answerOf(message));
        const done = predictions.length + failed.length;
        onProgress?.({ done, total: scans.length, ...(engine === undefined ? {} : { engine }) });
      },
    },
  );
  return { run: run.folder, ...settings, engine: engine!, predictions, failed, finished };
}

type ScanMessage = Extract<PredictMessage, { kind: "scan" }>;

/** What one set of weights says about a scan. */
interface Answer {
  readonly answer: Decoded;
  readonly uncertainty?: Uncertainty;
}

function combineViews(views: readonly (readonly number[])[], rule: ReflectionRule, sampled: boolean): Answer {
  return sampled ? combineSamples(views.map((logits) => decode(logits))) : { answer: decodeViews(views, rule) };
}

/** One checkpoint for each hash: two tasks whose best weights are those of the same epoch are answered together. */
function differentWeights({ weights, weightsSha256 }: PredictionSettings): Map<string, CheckpointName> {
  const byHash = new Map<string, CheckpointName>();
  for (const task of ["presence", "severity"] as const) {
    const hash = weightsSha256[task];
    if (hash !== null && !byHash.has(hash)) byHash.set(hash, weights[task]!);
  }
  return byHash;
}

async function predictTask(
  { config, checkpointsFolder }: Run,
  checkpoints: readonly CheckpointName[],
  scans: readonly Scan[],
  { reflection, monteCarlo, skipUnreadable }: PredictionSettings,
  { engine, device, cache }: PredictOptions,
): Promise<PredictTask> {
  return {
    // "auto" is decided here: a Worker that looks for GPUs loads their drivers, and they take down a process that ends
    // while a second such Worker is unloading them.
    engine: await chooseEngine(parseEngineChoice(engine)),
    ...(device === undefined ? {} : { device }),
    network: config.model,
    checkpoints,
    checkpointsFolder: resolve(checkpointsFolder),
    scans,
    recipe: recipeFor(config.data),
    reflection,
    monteCarlo,
    skipUnreadable,
    ...(cache === true ? {} : { cacheDirectory: typeof cache === "string" ? cache : null }),
  };
}

function predictionOf(
  scan: Scan,
  presence: Answer | null,
  severity: Answer | null,
  skippedSlices: readonly string[],
): Prediction {
  const grade = severity?.answer.severity ?? null;
  return {
    key: scan.key,
    scan: scan.id,
    folder: scan.folder,
    presenceProbability: presence?.answer.presenceProbability ?? null,
    presence: presence?.answer.presence ?? null,
    severityProbabilities: severity?.answer.severityProbabilities ?? null,
    severity: grade === null ? null : severities[grade]!,
    slices: scan.slices.length,
    skippedSlices,
    ...uncertaintyOf(presence, severity),
  };
}

/** Each task's spread comes from the weights that answer it. */
function uncertaintyOf(presence: Answer | null, severity: Answer | null): Pick<Prediction, "uncertainty"> {
  const samples = (presence ?? severity)?.uncertainty?.samples;
  if (samples === undefined) return {};
  const spreads = { presence: presence?.uncertainty?.presence, severity: severity?.uncertainty?.severity };
  return { uncertainty: { samples, presence: spreads.presence ?? null, severity: spreads.severity ?? null } };
}

function failedScan({ key, folder }: Scan, error: Record<string, unknown>): FailedScan {
  return { key, folder, reason: errorFromJSON(error).message };
}
