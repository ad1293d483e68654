/**
 * The verb `ablate`: a plan in, a folder of scored runs and their tables out. What is finished stays as it is, so that
 * the same call continues a sweep that was stopped or killed, and does nothing when all of it is done.
 */
import { join, resolve } from "node:path";
import pLimit from "p-limit";
import { preprocess } from "../data/preprocess.ts";
import { formatRecipe, recipeFor } from "../data/size.ts";
import { processesAtOnce } from "../engine/parallel.ts";
import { assertCanStart, chooseEngine, parseEngineChoice } from "../engine/registry.ts";
import type { EngineChoice, EngineName } from "../engine/types.ts";
import { ConfigError, RunError } from "../errors.ts";
import { makeFolder } from "../files.ts";
import { lockRun } from "../train/lock.ts";
import { type CollectResult, collectSweep } from "./collect.ts";
import { stepsOfRun } from "./estimate.ts";
import { type ExpandedPlan, expandPlan } from "./expand.ts";
import { type Plan, readPlan } from "./plan_file.ts";
import { type PlannedRun, runsOfPlan } from "./planned_runs.ts";
import { readPublished } from "./published_scores.ts";
import { recordFailure, runStatus } from "./run_record.ts";
import { runInProcess } from "./start_process.ts";
import { openSweepData, placeOfData, type SweepData } from "./sweep_data.ts";
import { type AblateProgress, SweepProgress } from "./sweep_progress.ts";
import { json, runFolder, sweepFiles, type SweepRecord, writeIfChanged } from "./sweep_record.ts";

export interface AblateOptions {
  /** A plan's file, the name of a plan that comes with the kit ("phantom", "table3", "quick"), or the plan itself. */
  readonly plan: string | Record<string, unknown>;
  /** The sweep's folder (default `runs/<plan's name>`). */
  readonly out?: string;
  /** Folder of scans, instead of the plan's own dataset. */
  readonly directory?: string;
  /** Weights to start from, instead of the plan's. */
  readonly weights?: string;
  /** Rows that are about pretrained weights start from fresh ones, which is another experiment. */
  readonly fromScratch?: boolean;
  /** Default: the plan's base, else COV3D_ENGINE, else "auto". */
  readonly engine?: EngineChoice;
  /** Runs at once (default: as many as there are cores for `wasm`, else one a device). */
  readonly jobs?: number;
  /** GPUs by the numbers that CUDA_VISIBLE_DEVICES knows; each process gets one of them. */
  readonly gpus?: readonly string[];
  /** Aborting stops all runs with checkpoints; the result's status is then "stopped". */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AblateProgress) => void;
}

export interface AblateResult extends CollectResult {
  /** "failed": at least one run could not be finished; the others are. */
  readonly status: "finished" | "failed" | "stopped";
  /** Runs of the plan. */
  readonly runs: number;
  /** Finished by earlier calls, and by this one. */
  readonly kept: number;
  readonly done: number;
  readonly failed: readonly { readonly run: string; readonly reason: string }[];
}

/**
 * Trains and scores every run of a plan that is not done yet, each in a process of its own, and makes the tables.
 * @throws ConfigError (the plan, its dataset), DataError, EngineError (before anything is written, when the engine cannot
 *   start here); RunError when another process runs this sweep.
 *   A single run that fails is no error: its row says so.
 */
export async function ablate(options: AblateOptions): Promise<AblateResult> {
  try {
    return await runPlan(options);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    const hint = "The same call continues";
    throw new RunError("sweep.stopped", "the sweep was stopped before its first run", { hint, cause: error });
  }
}

async function runPlan(options: AblateOptions): Promise<AblateResult> {
  const plan = await readPlan(options.plan);
  const expanded = expandPlan(plan);
  const out = options.out ?? defaultFolder(plan);
  // A plan that cannot begin leaves no folder behind.
  placeOfData(plan, out, options.directory);
  requireWeights(plan, expanded, options);
  const jobs = jobsOf(options), engine = await engineOf(plan, options);
  await assertCanStart(engine);
  await makeFolder(out);
  const lock = await lockRun(out);
  try {
    const sweep = await openSweep({ plan, expanded, out, engine, options });
    await writeIfChanged(join(out, sweepFiles.record), json(sweep.record));
    const outcome = await performAll(sweep, jobs, options);
    const tables = await collectSweep({ out });
    return { ...tables, ...outcome };
  } finally {
    lock.release();
  }
}

/** @throws ConfigError "plan.weights" */
function requireWeights(plan: Plan, { rows }: ExpandedPlan, { weights, fromScratch }: AblateOptions): void {
  const needing = rows.filter(({ config }) => config.needsPretrained);
  if (needing.length === 0 || fromScratch || (weights ?? plan.weights) !== undefined) return;
  throw new ConfigError("plan.weights", `${needing.length} rows start from pretrained weights, and none are given`, {
    found: needing[0]!.label,
    hint: "Fetch them with `cov3d weights import --download r3d_18` and give --weights FILE; or choose fresh " +
      "weights, which is another experiment, with --from-scratch",
  });
}

export function defaultFolder({ name }: Pick<Plan, "name">): string {
  return resolve("runs", name);
}

function jobsOf({ jobs }: AblateOptions): number | undefined {
  if (jobs === undefined || (Number.isInteger(jobs) && jobs >= 1)) return jobs;
  throw new ConfigError("sweep.jobs", "runs at once", { expected: "a whole number from 1", found: `${jobs}` });
}

interface Sweep {
  readonly out: string;
  readonly plan: Plan;
  readonly data: SweepData;
  readonly runs: readonly PlannedRun[];
  readonly record: SweepRecord;
}

interface OpenSweepOptions {
  readonly plan: Plan;
  readonly expanded: ExpandedPlan;
  readonly out: string;
  readonly engine: EngineName;
  readonly options: AblateOptions;
}

async function openSweep({ plan, expanded, out, engine, options }: OpenSweepOptions): Promise<Sweep> {
  const { directory, onProgress, signal } = options;
  const data = await openSweepData({
    plan,
    out,
    ...(directory === undefined ? {} : { directory }),
    ...(signal === undefined ? {} : { signal }),
    onProgress: (progress) => onProgress?.({ kind: "prepare", what: "phantom", ...progress }),
  });
  const runs = await runsOfPlan({ plan, expanded, data, engine }, options);
  return { out, plan, data, runs, record: await sweepRecord(plan, expanded, data, runs) };
}

/** @throws ConfigError "sweep.gpus" when GPUs are asked for and the engine computes on cores, or takes whichever it finds */
export async function engineOf(plan: Plan, { engine, gpus = [] }: AblateOptions): Promise<EngineName> {
  const { engine: own } = plan.base;
  const chosen = await chooseEngine(engine ?? parseEngineChoice(own === undefined ? undefined : String(own)));
  if (gpus.length === 0 || chosen === "tensorflow") return chosen;
  const reason = chosen === "wasm" ? "does not use GPUs" : "does not know GPUs by number";
  throw new ConfigError("sweep.gpus", `the engine ${chosen} ${reason}`, {
    found: gpus.join(", "),
    hint: "Leave --gpus out, or choose --engine tensorflow",
  });
}

async function sweepRecord(
  plan: Plan,
  { rows, factors, baseline }: ExpandedPlan,
  { folds }: SweepData,
  runs: readonly PlannedRun[],
): Promise<SweepRecord> {
  const published = await readPublished(plan);
  return {
    format: 1,
    name: plan.name,
    description: plan.description,
    compareWith: baseline,
    seeds: plan.seeds,
    folds: folds === undefined ? null : { numbers: [...folds.numbers], grouping: folds.grouping },
    evaluate: plan.evaluate,
    factors: factors.map(({ name, values }) => ({
      name,
      values: values.map(({ label, rows }) => ({ label, rows: [...rows] })),
    })),
    published: plan.published !== undefined,
    rows: rows.map((row) => ({
      label: row.label,
      factors: { ...row.factors },
      changes: { ...row.changes },
      published: { presence: null, severity: null, ...published.get(row.published) },
      runs: runs.filter((run) => run.row === row).map(({ seed, fold, hash, folder }) => ({ seed, fold, hash, folder })),
    })),
  };
}

type Outcome = Omit<AblateResult, keyof CollectResult>;

async function performAll(sweep: Sweep, jobs: number | undefined, options: AblateOptions): Promise<Outcome> {
  const { out, plan, runs } = sweep;
  const todo: PlannedRun[] = [];
  for (const run of runs) {
    const status = await runStatus(runFolder(out, run), run.hash, plan.evaluate);
    if (status.kind !== "done") todo.push(run);
  }
  const kept = runs.length - todo.length;
  const counts = { runs: runs.length, kept };
  if (todo.length === 0) return { status: "finished", ...counts, done: 0, failed: [] };
  await prepareVolumes(sweep, todo, options);
  const signal = options.signal ?? new AbortController().signal;
  const engine = runs[0]!.config.engine;
  const devices = options.gpus ?? [];
  const atOnce = jobs ?? Math.max(devices.length, engine === "auto" ? 1 : processesAtOnce(engine));
  const ends = await performInProcesses({ sweep, todo, atOnce, devices, signal, ...watchOf(options) });
  const failed = todo.flatMap(({ folder: run }, i) => {
    const end = ends[i]!;
    return end.status === "failed" ? [{ run, reason: end.reason }] : [];
  });
  const isStopped = ends.some(({ status }) => status === "stopped");
  return {
    status: isStopped ? "stopped" : failed.length > 0 ? "failed" : "finished",
    ...counts,
    done: ends.filter(({ status }) => status === "done").length,
    failed,
  };
}

function watchOf({ onProgress }: AblateOptions): { readonly onProgress: (progress: AblateProgress) => void } {
  return { onProgress: onProgress ?? (() => {}) };
}

interface PerformOptions {
  readonly sweep: Sweep;
  readonly todo: readonly PlannedRun[];
  readonly atOnce: number;
  readonly devices: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: AblateProgress) => void;
}

async function performInProcesses({ sweep, todo, atOnce, devices, signal, onProgress }: PerformOptions) {
  const { out, plan, data, runs } = sweep;
  const steps = new Map(todo.map((run) => [run.folder, stepsOfRun(run.config, data, run.fold)]));
  const progress = new SweepProgress(steps, runs.length - todo.length, runs.length, onProgress);
  const limit = pLimit(atOnce);
  // More runs at once than devices share them evenly.
  const free = devices.length === 0 ? [] : Array.from({ length: atOnce }, (_, i) => devices[i % devices.length]!);
  return await Promise.all(todo.map((run) =>
    limit(async () => {
      if (signal.aborted) return { status: "stopped" as const };
      const { hash, config } = run, folder = runFolder(out, run), device = free.shift();
      progress.started(run.folder);
      const end = await runInProcess({ folder: resolve(folder), hash, config, evaluate: plan.evaluate }, {
        signal,
        onProgress: (message) => progress.report(run.folder, message),
        ...(device === undefined ? {} : { environment: { CUDA_VISIBLE_DEVICES: device } }),
      });
      if (device !== undefined) free.push(device);
      if (end.status === "failed") await recordFailure(folder, end.reason);
      progress.ended(run.folder, end.status, end.status === "failed" ? end.reason : undefined);
      return end;
    })
  ));
}

/** Once for all runs, on all cores; what cannot be read is reported by the runs that need it. */
async function prepareVolumes(
  { plan, data }: Sweep,
  todo: readonly PlannedRun[],
  { onProgress, signal }: AblateOptions,
): Promise<void> {
  const isUsed = ({ split, presence }: { split: string; presence?: boolean }) =>
    presence !== undefined && ["train", "validation", plan.evaluate.split].includes(split);
  const dataset = { ...data.dataset, scans: data.dataset.scans.filter(isUsed) };
  const recipes = new Map(todo.map(({ config }) => {
    const recipe = recipeFor(config.data);
    return [formatRecipe(recipe), { recipe, config }] as const;
  }));
  for (const { recipe, config: { data: { cache, skipUnreadable } } } of recipes.values()) {
    if (signal?.aborted) return;
    await preprocess({
      dataset,
      recipe,
      skipUnreadable,
      ...(cache === undefined ? {} : { cacheDirectory: cache }),
      ...(signal === undefined ? {} : { signal }),
      onProgress: ({ done, total }) => onProgress?.({ kind: "prepare", what: "volumes", done, total }),
    });
  }
}
