/**
 * The verbs as a caller of the library meets them. In a Jupyter kernel they show their progress below the cell, and the
 * stop button ends them at the next safe point; elsewhere they are the plain functions.
 */
import {
  generatePhantom as plainPhantom,
  type GeneratePhantomOptions,
  type PhantomResult,
} from "../data/phantom/mod.ts";
import { preprocess as plainPreprocess, type PreprocessOptions, type PreprocessResult } from "../data/preprocess.ts";
import { evaluate as plainEvaluate, type EvaluateOptions, type EvaluationResult } from "../evaluate/evaluate.ts";
import { predict as plainPredict, type PredictOptions, type PredictResult } from "../evaluate/predict.ts";
import { resume as plainResume, type ResumeOptions, train as plainTrain, type TrainOptions } from "../train/train.ts";
import type { TrainResult } from "../train/trainer.ts";
import { ablate as plainAblate, type AblateOptions, type AblateResult } from "../sweep/ablate.ts";
import { interruptible } from "./interrupt.ts";
import { isKernel } from "./kernel.ts";
import { liveTraining } from "./live_training.ts";
import { sweepLine } from "./sweep_line.ts";
import { watched } from "./watched.ts";

/**
 * Writes a synthetic dataset in the layout of COV19-CT-DB; the same recipe gives the same bytes. A call that was
 * stopped is continued by the same call.
 */
export function generatePhantom(options: GeneratePhantomOptions): Promise<PhantomResult> {
  return watched({ label: "phantom", unit: "scans" }, options, plainPhantom);
}

/**
 * Makes the volume of every scan that is not in the cache yet, on all cores. A scan that cannot be read is recorded in
 * `failed` and the others go on.
 */
export function preprocess(options: PreprocessOptions): Promise<PreprocessResult> {
  return watched({ label: "preprocess", unit: "scans" }, options, plainPreprocess);
}

/**
 * Presence and severity of every scan, by the weights of a run.
 * @throws RunError (no such run, no finished epoch), DataError (a scan cannot be read), EngineError
 */
export function predict(options: PredictOptions): Promise<PredictResult> {
  return watched({ label: "predict", unit: "scans" }, options, plainPredict);
}

/**
 * Predicts every labelled scan of a split and scores it, each score with an interval. Writes `predictions-<split>.csv`
 * and `evaluation-<split>.json` into the run.
 * @throws DataError (no such split, no labels), and what `predict` throws
 */
export function evaluate(options: EvaluateOptions): Promise<EvaluationResult> {
  return watched({ label: "evaluate", unit: "scans" }, options, plainEvaluate);
}

/**
 * Trains and scores every run of a plan that is not done yet, each in a process of its own, and makes the tables; the
 * same call continues a sweep that was stopped.
 * @throws ConfigError (the plan, its dataset), DataError, EngineError; RunError when another process runs this sweep.
 *   A single run that fails is no error: its row says so.
 */
export async function ablate(options: AblateOptions): Promise<AblateResult> {
  if (!isKernel()) return await plainAblate(options);
  return await interruptible(async (signal) => {
    const line = sweepLine();
    try {
      return await plainAblate({ onProgress: line.onProgress, ...options, signal });
    } finally {
      await line.finish();
    }
  }, options.signal);
}

interface TrainingWatch {
  /** In a kernel: show nothing. */
  readonly quiet?: boolean;
}

/**
 * Trains into a new run folder, `runs/<name>-<config hash>` unless `out` names one. In a kernel: live curves, and the
 * stop button stops at the next step with a checkpoint (`status` is then "stopped", and `resume` continues).
 * @throws ConfigError, DataError, EngineError, or RunError when the folder holds a run already
 */
export function train({ quiet, ...options }: TrainOptions & TrainingWatch): Promise<TrainResult> {
  return watchedTraining(options, quiet, plainTrain);
}

/**
 * Continues a run from its last checkpoint, to the state that it would have reached uninterrupted.
 * @throws RunError when it is finished, locked, or damaged
 */
export function resume({ quiet, ...options }: ResumeOptions & TrainingWatch): Promise<TrainResult> {
  return watchedTraining(options, quiet, plainResume);
}

async function watchedTraining<Options extends Pick<TrainOptions, "onProgress" | "signal">>(
  options: Options,
  quiet: boolean | undefined,
  verb: (options: Options) => Promise<TrainResult>,
): Promise<TrainResult> {
  if (!isKernel()) return await verb(options);
  return await interruptible(async (signal) => {
    if (quiet || options.onProgress !== undefined) return await verb({ ...options, signal });
    const live = liveTraining();
    let status = "failed";
    try {
      const result = await verb({ ...options, signal, onProgress: live.onProgress });
      status = result.status === "stopped" ? `stopped with a checkpoint; resume({ run: "…" }) continues` : "finished";
      return result;
    } finally {
      await live.end(status);
    }
  }, options.signal);
}

export interface TrainingHandle {
  /** Run folder; `readRun` and `show` read it while the training goes on. */
  readonly folder: string;
  /** Settles when the training has ended. */
  readonly done: Promise<TrainResult>;
  /** Asks to stop at the next step, with a checkpoint. */
  stop(): void;
}

export interface StartTrainingOptions extends TrainOptions {
  /** Run folder: the cells that read it need to know it. */
  readonly out: string;
}

/**
 * Starts a training and comes back at once, so that other cells can run meanwhile: `await show(await readRun(out))`
 * shows how far it is. Nothing is displayed; await `done` for the end, or an error.
 */
export function startTraining({ signal, ...options }: StartTrainingOptions): TrainingHandle {
  const controller = new AbortController();
  const stops = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  const done = plainTrain({ ...options, signal: stops });
  done.catch(() => {}); // reported when it is awaited; an error nobody waits for must not end the kernel
  return { folder: options.out, done, stop: () => controller.abort() };
}
