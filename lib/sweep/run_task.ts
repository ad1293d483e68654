/** One run of a sweep: trained or continued, scored, and recorded. Runs in a process of its own. */
import { join } from "node:path";
import { openDataset } from "../data/dataset.ts";
import type { Dataset } from "../data/types.ts";
import { RunError } from "../errors.ts";
import { evaluate, type EvaluationResult } from "../evaluate/evaluate.ts";
import { fileExists } from "../files.ts";
import { stableJson, type TrainConfig } from "../train/config.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import type { TrainProgress } from "../train/progress.ts";
import { readRun, readRunConfig, type Run, runFiles } from "../train/run.ts";
import { resume, train } from "../train/train.ts";
import type { PlanEvaluation } from "./plan_schema.ts";
import { clearFailure, fileEntry, type RunRecord, writeRunRecord } from "./run_record.ts";

export interface RunTask {
  readonly folder: string;
  readonly hash: string;
  readonly config: TrainConfig;
  readonly evaluate: PlanEvaluation;
}

export type RunTaskProgress =
  | { readonly kind: "train"; readonly progress: TrainProgress }
  | { readonly kind: "evaluate"; readonly done: number; readonly total: number };

export interface RunTaskWatch {
  readonly onProgress: (progress: RunTaskProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Does what is not done yet. "stopped": asked to, and a later call continues.
 * @throws what `train`, `resume` and `evaluate` throw; RunError "sweep.run" when the folder holds another run
 */
export async function performRun(task: RunTask, watch: RunTaskWatch): Promise<"done" | "stopped"> {
  await unlocked(() => trainOrContinue(task, watch), watch.signal);
  if (watch.signal.aborted && !(await fileExists(join(task.folder, runFiles.config)))) return "stopped";
  const run = await readRun(task.folder);
  if (!run.state?.finished) return "stopped";
  const dataset = await openDataset({
    directory: task.config.data.directory,
    ...(task.config.data.patients === undefined ? {} : { patients: task.config.data.patients }),
  });
  const result = await score(task, dataset, watch);
  if (result === undefined) return "stopped";
  await writeRunRecord(task.folder, await recordOf(task, run, result));
  await clearFailure(task.folder);
  return "done";
}

async function trainOrContinue({ folder, config }: RunTask, { onProgress, signal }: RunTaskWatch): Promise<void> {
  const watch = { onProgress: (progress: TrainProgress) => onProgress({ kind: "train", progress }), signal };
  if (!(await fileExists(join(folder, runFiles.config)))) {
    await train({ config, out: folder, ...watch });
    return;
  }
  const found = await readRunConfig(folder);
  if (stableJson(comparable(found)) !== stableJson(comparable(config))) {
    throw new RunError("sweep.run", "the folder holds a run with another configuration", {
      file: folder,
      hint: "Move it away",
    });
  }
  if ((await readRun(folder)).state?.finished) return;
  await resume({ run: folder, directory: config.data.directory, ...watch });
}

/** Without the places where things lie: a sweep's folder can be moved. */
function comparable({ data: { directory: _, cache: _c, patients: _p, ...data }, ...config }: TrainConfig) {
  const { initialWeights, checkpointSeconds: _s, memory: _m, ...rest } = config;
  const { folds, itemWeights, ...others } = data;
  return {
    ...rest,
    data: others,
    folds: folds && [folds.fold, folds.sha256],
    itemWeights: itemWeights?.sha256,
    weights: initialWeights?.sha256,
  };
}

const lockSeconds = 60;

/** A sweep that was killed leaves its runs a moment to stop; they hold their locks until they have. */
async function unlocked(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      const isLocked = error instanceof RunError && error.code === "run.locked";
      if (!isLocked || performance.now() - started > lockSeconds * 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

/** Undefined when stopped. */
async function score(
  { folder, config, evaluate: { split, reflection, resamples } }: RunTask,
  dataset: Dataset,
  { onProgress, signal }: RunTaskWatch,
): Promise<EvaluationResult | undefined> {
  const { cache } = config.data;
  try {
    return await evaluate({
      run: folder,
      dataset,
      split,
      reflection,
      resamples,
      engine: config.engine,
      ...(config.device === undefined ? {} : { device: config.device }),
      ...(cache === undefined ? {} : { cache }),
      signal,
      onProgress: ({ done, total }) => onProgress({ kind: "evaluate", done, total }),
    });
  } catch (error) {
    if (error instanceof RunError && error.code === "evaluate.stopped") return undefined;
    throw error;
  }
}

async function recordOf(
  { hash, config, evaluate }: RunTask,
  { epochs, state }: Run,
  { files }: EvaluationResult,
): Promise<RunRecord> {
  return {
    format: 1,
    hash,
    engine: config.engine,
    epochs: state!.epoch,
    steps: state!.step,
    seconds: Math.round(10 * trainingSeconds(epochs)) / 10,
    best: state!.best,
    evaluate,
    predictions: await fileEntry(files.predictions),
    evaluation: await fileEntry(files.evaluation),
  };
}

function trainingSeconds(epochs: readonly EpochMetrics[]): number {
  return epochs.reduce((sum, { timing }) => sum + timing.seconds, 0);
}
