/**
 * The verbs `train` and `resume`. Both run the engine in a Worker of its own, so that the caller stays responsive, and
 * keep everything in a run folder: a killed run continues to the same bits.
 */
import { join } from "node:path";
import { chooseEngine } from "../engine/registry.ts";
import { RunError } from "../errors.ts";
import { fileExists, makeFolder } from "../files.ts";
import type { MemoryMode } from "../nn/recompute.ts";
import { withWeightsHash } from "../weights/initial.ts";
import { runInWorker } from "../worker.ts";
import { withAbsolutePaths } from "./absolute_paths.ts";
import { hasCheckpoint } from "./checkpoint.ts";
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from "./config.ts";
import { withFoldsHash } from "./folds.ts";
import { withItemWeightsHash } from "./item_weights_file.ts";
import { lockRun } from "./lock.ts";
import type { TrainProgress } from "./progress.ts";
import { appendLog, createRun, readRun, readRunConfig, runFiles, runFolderFor } from "./run.ts";
import { assertStartingPoint } from "./starting_point.ts";
import type { TrainResult } from "./trainer.ts";
import type { TrainTask } from "./worker.ts";

export interface WatchOptions {
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Aborting stops at the next step with a checkpoint; the result's status is then "stopped". */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends WatchOptions {
  readonly config: TrainConfigInput;
  /** Run folder; `runs/<name>-<config hash>` when left out. */
  readonly out?: string;
  /** Where run folders go when `out` is left out (default "runs"). */
  readonly runs?: string;
}

export interface ResumeOptions extends WatchOptions {
  /** Run folder. */
  readonly run: string;
  /** The dataset's folder, when it has moved since the run began; its content must be the same. */
  readonly directory?: string;
  /** Overrides the run's memory mode, which changes no bit. */
  readonly memory?: MemoryMode;
}

/**
 * Trains into a new run folder: from fresh weights, or from the configuration's initial weights.
 * @throws ConfigError, DataError, EngineError, or RunError when the folder holds a run already
 */
export async function train({ config: input, out, runs, ...watch }: TrainOptions): Promise<TrainResult> {
  const given = parseTrainConfig(input);
  assertStartingPoint(given);
  const parsed = await withWeightsHash(await withItemWeightsHash(await withFoldsHash(given)));
  // "auto" is decided once: a run continues on the engine it began on.
  const config: TrainConfig = { ...parsed, engine: await chooseEngine(parsed.engine) };
  const folder = out ?? await runFolderFor(config, runs);
  const isNew = !(await fileExists(folder));
  await makeFolder(folder);
  const lock = await lockRun(folder);
  try {
    // The folder is named by the paths as they were given; the run keeps them as any folder can read them.
    await createRun(folder, withAbsolutePaths(config));
    try {
      return await runTask({ folder }, watch);
    } catch (error) {
      if (!(await hasStarted(folder))) await removeRun(folder, isNew);
      throw error;
    }
  } finally {
    lock.release();
  }
}

/**
 * Continues a run from its last checkpoint (from the beginning when it was stopped before the first one), to the state
 * that it would have reached uninterrupted.
 * @throws RunError when it is finished, locked, or damaged
 */
export async function resume({ run: folder, directory, memory, ...watch }: ResumeOptions): Promise<TrainResult> {
  await readRunConfig(folder);
  const lock = await lockRun(folder);
  try {
    const { state } = await readRun(folder);
    if (state?.finished) throw new RunError("run.finished", "this run is finished already", { file: folder });
    const changes = { ...(directory === undefined ? {} : { directory }), ...(memory === undefined ? {} : { memory }) };
    return await runTask({ folder, ...changes }, watch);
  } finally {
    lock.release();
  }
}

async function runTask(task: TrainTask, { onProgress, signal }: WatchOptions): Promise<TrainResult> {
  const url = new URL("./worker.ts", import.meta.url);
  try {
    return await runInWorker<TrainTask, TrainProgress, TrainResult>(url, task, {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onMessage: onProgress }),
    });
  } catch (error) {
    appendLog(task.folder, `error: ${error instanceof Error ? error.message : error}`);
    throw error;
  }
}

/** Whether anything was computed that is worth keeping. */
async function hasStarted(folder: string): Promise<boolean> {
  if (await hasCheckpoint(join(folder, runFiles.checkpoints), "last")) return true;
  const metrics = join(folder, runFiles.metrics);
  return (await fileExists(metrics)) && (await Deno.stat(metrics)).size > 0;
}

/** A run that failed before its first step leaves nothing behind that would stand in the way of the next attempt. */
async function removeRun(folder: string, wholeFolder: boolean): Promise<void> {
  if (wholeFolder) return await Deno.remove(folder, { recursive: true });
  for (const name of Object.values(runFiles)) {
    await Deno.remove(join(folder, name), { recursive: true }).catch(() => {});
  }
}
