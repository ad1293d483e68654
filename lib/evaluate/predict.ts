/** Predictions of a trained run for scans on disk. */
import { join } from "node:path";
import { scansFromPaths } from "../data/scans_from_paths.ts";
import { recipeFor } from "../data/size.ts";
import type { Scan } from "../data/types.ts";
import { severities } from "../data/types.ts";
import { parseEngineChoice } from "../engine/registry.ts";
import type { EngineChoice, EngineDescription } from "../engine/types.ts";
import { DataError, errorFromJSON } from "../errors.ts";
import { type CheckpointName, readCheckpoint } from "../train/checkpoint.ts";
import { readRun, type Run } from "../train/run.ts";
import { runInWorker } from "../worker.ts";
import { type Decoded, decodeViews, type ReflectionRule } from "./decode.ts";
import type { PredictMessage, PredictTask } from "./predict_worker.ts";
import type { Prediction } from "./prediction.ts";

import { chooseWeights, type TaskWeights, type WeightsChoice } from "./weights.ts";

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
  /** How the two views are averaged; default "paper". */
  readonly reflectionRule?: ReflectionRule;
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

export interface PredictResult {
  readonly run: string;
  readonly weights: TaskWeights;
  readonly reflection: boolean;
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
 * @throws RunError (no such run, no finished epoch), DataError (a scan cannot be read), EngineError
 */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const run = await readRun(options.run);
  const weights = chooseWeights(run, options.weights);
  const scans = options.scans ?? await scansFromPaths(options.paths ?? []);
  if (scans.length === 0) throw new DataError("scan-missing", "there are no scans to predict");
  const checkpoints = [...new Set([weights.presence, weights.severity])].filter((name) => name !== null);
  const task = await predictTask(run, checkpoints, scans, options);
  const { reflectionRule = "paper", signal, onProgress } = options;
  const predictions: Prediction[] = [], failed: FailedScan[] = [];
  let engine: EngineDescription | undefined;
  const { finished } = await runInWorker<PredictTask, PredictMessage, { finished: boolean }>(
    new URL("./predict_worker.ts", import.meta.url),
    task,
    {
      ...(signal === undefined ? {} : { signal }),
      onMessage(message) {
        if (message.kind === "engine") engine = message.description;
        else {
          const scan = scans[message.index]!;
          if (message.kind === "failed") failed.push(failedScan(scan, message.error));
          else {
            const decoded = message.logits.map((views) => decodeViews(views, reflectionRule));
            const answer = (name: CheckpointName | null) => name === null ? null : decoded[checkpoints.indexOf(name)]!;
            const { presence, severity } = weights;
            predictions.push(predictionOf(scan, answer(presence), answer(severity), message.skipped));
          }
        }
        const done = predictions.length + failed.length;
        onProgress?.({ done, total: scans.length, ...(engine === undefined ? {} : { engine }) });
      },
    },
  );
  return { run: run.folder, weights, reflection: task.reflection, engine: engine!, predictions, failed, finished };
}

async function predictTask(
  { config, checkpointsFolder }: Run,
  checkpoints: readonly CheckpointName[],
  scans: readonly Scan[],
  { engine, device, reflection = true, skipUnreadable, cache }: PredictOptions,
): Promise<PredictTask> {
  return {
    engine: parseEngineChoice(engine),
    ...(device === undefined ? {} : { device }),
    network: config.model,
    weights: await Promise.all(checkpoints.map((name) => readWeights(checkpointsFolder, name))),
    scans,
    recipe: recipeFor(config.data),
    reflection,
    skipUnreadable: skipUnreadable ?? config.data.skipUnreadable,
    ...(cache === true ? {} : { cacheDirectory: typeof cache === "string" ? cache : null }),
  };
}

/** The network's weights of one checkpoint, verified. */
async function readWeights(checkpointsFolder: string, name: CheckpointName): Promise<Uint8Array> {
  const { files } = await readCheckpoint(checkpointsFolder, name);
  const weights = files.get("model.safetensors");
  if (weights !== undefined) return weights;
  throw new DataError("weights.missing", "the checkpoint has no weights", {
    file: join(checkpointsFolder, name),
    expected: "model.safetensors",
    found: [...files.keys()].join(", "),
  });
}

function predictionOf(
  scan: Scan,
  presence: Decoded | null,
  severity: Decoded | null,
  skippedSlices: readonly string[],
): Prediction {
  const grade = severity?.severity ?? null;
  return {
    key: scan.key,
    scan: scan.id,
    folder: scan.folder,
    presenceProbability: presence?.presenceProbability ?? null,
    presence: presence?.presence ?? null,
    severityProbabilities: severity?.severityProbabilities ?? null,
    severity: grade === null ? null : severities[grade]!,
    slices: scan.slices.length,
    skippedSlices,
  };
}

function failedScan({ key, folder }: Scan, error: Record<string, unknown>): FailedScan {
  return { key, folder, reason: errorFromJSON(error).message };
}
