/** From a sweep's folder to its summary and files; needs no engine, and no weights. */
import type { Interval } from "../evaluate/intervals.ts";
import type { PairedDifference } from "../evaluate/paired_bootstrap.ts";
import { RunError } from "../errors.ts";
import { type AlignedSeeds, alignSeeds, macroF1, readScoredScans, type ScoredScan } from "./scored_runs.ts";
import type { SweepTask } from "./scored_runs.ts";
import {
  type BootstrapPlan,
  meanInterval,
  pairedDifference,
  type SeedStatistics,
  seedStatistics,
} from "./row_statistics.ts";
import { type RunStatus, runStatus } from "./run_record.ts";
import {
  readSweepRecord,
  runFolder,
  type SweepRecord,
  type SweepRecordRow,
  type SweepRunEntry,
} from "./sweep_record.ts";
import type { PublishedF1 } from "./published_scores.ts";
import { type SummaryFiles, writeSummary } from "./write_summary.ts";

/** One run as its folder has it. */
export interface CollectedRun extends SweepRunEntry {
  readonly row: string;
  readonly status: RunStatus;
  /** Empty unless done. */
  readonly scans: readonly ScoredScan[];
  /** Macro F1 of this run alone; null for a task that is not trained or has no labels. */
  readonly f1: Readonly<Record<SweepTask, number | null>>;
}

export interface TaskSummary extends SeedStatistics {
  /** Seeds of `values`. */
  readonly seeds: readonly number[];
  readonly scans: number;
  readonly interval: Interval;
  /** What the bootstrap drew. */
  readonly unit: "patient" | "scan";
  /** From the row that is compared with; null for that row itself, or where it was scored on other scans. */
  readonly difference: PairedDifference | null;
  /** Cross-validation: mean and standard deviation over the single folds of all seeds. */
  readonly overFolds:
    | { readonly folds: number; readonly mean: number; readonly standardDeviation: number | null }
    | null;
}

export interface RowSummary {
  readonly label: string;
  readonly factors: Readonly<Record<string, string>>;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly published: PublishedF1;
  readonly seeds: {
    readonly planned: number;
    /** With all their folds. */
    readonly complete: number;
  };
  readonly runs: {
    readonly planned: number;
    readonly done: number;
    readonly failed: number;
    readonly reasons: string[];
  };
  readonly presence: TaskSummary | null;
  readonly severity: TaskSummary | null;
}

export interface SweepSummary {
  readonly record: SweepRecord;
  readonly rows: readonly RowSummary[];
  readonly runs: readonly CollectedRun[];
  /** What each value of a factor does: all its rows and seeds together. */
  readonly effects: readonly FactorEffect[];
}

export interface FactorEffect {
  readonly factor: string;
  readonly values: readonly {
    readonly label: string;
    readonly rows: readonly string[];
    readonly tasks: Readonly<Record<SweepTask, ValueEffect | null>>;
    readonly published: PublishedF1;
  }[];
}

export interface ValueEffect {
  /** One point for each row and seed. */
  readonly points: readonly { readonly row: string; readonly seed: number; readonly f1: number }[];
  readonly mean: number;
  readonly interval: Interval;
}

export interface CollectOptions {
  /** The sweep's folder, or one that `exportRecords` made. */
  readonly out: string;
  /** Where the tables go (default: into `out`). */
  readonly to?: string;
}

export interface CollectResult {
  readonly out: string;
  readonly summary: SweepSummary;
  readonly files: SummaryFiles;
}

/**
 * Makes table.md, table.csv, table.tex, runs.csv, summary.json and the figures from the run folders; the same folders
 * give the same bytes.
 * @throws RunError "sweep.missing" | "sweep.record"
 */
export async function collectSweep({ out, to = out }: CollectOptions): Promise<CollectResult> {
  const summary = await summarise(out);
  return { out, summary, files: await writeSummary(summary, to) };
}

/** Reads every run folder and computes the rows. */
export async function summarise(out: string): Promise<SweepSummary> {
  const record = await readSweepRecord(out);
  const runs: CollectedRun[] = [];
  for (const row of record.rows) {
    for (const run of row.runs) runs.push(await collectRun(out, row.label, run, record));
  }
  const plan: BootstrapPlan = { resamples: record.evaluate.resamples };
  const seedsOf = new Map(record.rows.map((row) => [row.label, completeSeeds(row, runs, record)]));
  const base = seedsOf.get(record.compareWith);
  const rows = record.rows.map((row): RowSummary => {
    const own = runs.filter((run) => run.row === row.label), seeds = seedsOf.get(row.label)!;
    const against = row.label === record.compareWith ? undefined : base;
    const failures = own.flatMap(({ status }) => status.kind === "failed" ? [status.reason] : []);
    return {
      label: row.label,
      factors: row.factors,
      changes: row.changes,
      published: row.published,
      seeds: { planned: record.seeds.length, complete: seeds.length },
      runs: {
        planned: own.length,
        done: own.filter(({ status }) => status.kind === "done").length,
        failed: failures.length,
        reasons: [...new Set(failures)],
      },
      presence: taskSummary("presence", { seeds, against, own, record, plan }),
      severity: taskSummary("severity", { seeds, against, own, record, plan }),
    };
  });
  return { record, rows, runs, effects: effectsOf(rows, record, seedsOf, plan) };
}

async function collectRun(out: string, row: string, run: SweepRunEntry, record: SweepRecord): Promise<CollectedRun> {
  const folder = runFolder(out, run), none = { presence: null, severity: null };
  let status = await runStatus(folder, run.hash, record.evaluate);
  if (status.kind !== "done") return { ...run, row, status, scans: [], f1: none };
  try {
    const scans = await readScoredScans(folder, status.record);
    const f1 = (task: SweepTask) => {
      const answers = scans.flatMap(({ answers }) => answers[task] ?? []);
      return answers.length === 0 ? null : macroF1(answers);
    };
    return { ...run, row, status, scans, f1: { presence: f1("presence"), severity: f1("severity") } };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    status = { kind: "failed", reason: `damaged: ${error.message}` };
    return { ...run, row, status, scans: [], f1: none };
  }
}

interface SeedScans {
  readonly row: string;
  readonly seed: number;
  /** Of all folds, in the order of keys. */
  readonly scans: readonly ScoredScan[];
}

/** Seeds of a row of which every run is done; the folds' scans are pooled, so that each is predicted once. */
function completeSeeds(row: SweepRecordRow, runs: readonly CollectedRun[], { seeds }: SweepRecord): SeedScans[] {
  return seeds.flatMap((seed) => {
    const own = runs.filter((run) => run.row === row.label && run.seed === seed);
    if (own.length === 0 || own.some(({ status }) => status.kind !== "done")) return [];
    const scans = own.flatMap((run) => run.scans).sort((a, b) => (a.key < b.key ? -1 : 1));
    return [{ row: row.label, seed, scans }];
  });
}

interface TaskInput {
  readonly seeds: readonly SeedScans[];
  readonly against: readonly SeedScans[] | undefined;
  readonly own: readonly CollectedRun[];
  readonly record: SweepRecord;
  readonly plan: BootstrapPlan;
}

function taskSummary(task: SweepTask, { seeds, against, own, record, plan }: TaskInput): TaskSummary | null {
  const aligned = align(task, seeds), base = against === undefined ? undefined : align(task, against);
  if (aligned === undefined) return null;
  return {
    ...seedStatistics(aligned.seeds.map((answers) => macroF1(answers))),
    seeds: seeds.map(({ seed }) => seed),
    scans: aligned.keys.length,
    interval: meanInterval(aligned, plan),
    unit: aligned.patients.some((patient) => patient !== undefined) ? "patient" : "scan",
    difference: (base && pairedDifference(aligned, base, plan)) ?? null,
    overFolds: record.folds === null ? null : overFolds(task, own, seeds),
  };
}

function align(task: SweepTask, seeds: readonly SeedScans[]): AlignedSeeds | undefined {
  return alignSeeds(task, seeds.map(({ scans }) => scans));
}

function overFolds(task: SweepTask, own: readonly CollectedRun[], seeds: readonly SeedScans[]) {
  const complete = new Set(seeds.map(({ seed }) => seed));
  const values = own.flatMap((run) => complete.has(run.seed) ? run.f1[task] ?? [] : []);
  if (values.length === 0) return null;
  const { mean, standardDeviation } = seedStatistics(values);
  return { folds: values.length, mean, standardDeviation };
}

function effectsOf(
  summaries: readonly RowSummary[],
  record: SweepRecord,
  seedsOf: ReadonlyMap<string, readonly SeedScans[]>,
  plan: BootstrapPlan,
): FactorEffect[] {
  const publishedOf = new Map(record.rows.map(({ label, published }) => [label, published]));
  const none: PublishedF1 = { presence: null, severity: null };
  return record.factors.map(({ name, values }) => ({
    factor: name,
    values: values.map(({ label, rows }) => {
      const seeds = rows.flatMap((row) => seedsOf.get(row) ?? []);
      // Of a single row the interval is known already.
      const known = rows.length === 1 ? summaries.find((row) => row.label === rows[0]) : undefined;
      const effect = (task: SweepTask) => valueEffect(task, seeds, plan, known?.[task]?.interval);
      const published = rows.length === 1 ? publishedOf.get(rows[0]!) ?? none : none;
      return { label, rows, tasks: { presence: effect("presence"), severity: effect("severity") }, published };
    }),
  }));
}

function valueEffect(
  task: SweepTask,
  all: readonly SeedScans[],
  plan: BootstrapPlan,
  known: Interval | undefined,
): ValueEffect | null {
  // In a grid a value's rows can train different tasks.
  const seeds = all.filter(({ scans }) => scans.some(({ answers }) => answers[task] !== undefined));
  const aligned = align(task, seeds);
  if (aligned === undefined) return null;
  const points = aligned.seeds.map((answers, i) => {
    const { row, seed } = seeds[i]!;
    return { row, seed, f1: macroF1(answers) };
  });
  const { mean } = seedStatistics(points.map(({ f1 }) => f1));
  return { points, mean, interval: known ?? meanInterval(aligned, plan) };
}
