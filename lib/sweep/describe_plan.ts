/** What a plan would do, without doing it: `cov3d ablate --dry-run`. */
import { basename, join } from "node:path";
import { openDataset } from "../data/dataset.ts";
import { foldsCsv } from "../data/folds_file.ts";
import type { FoldPlan } from "../data/folds_make.ts";
import { planScans } from "../data/phantom/plan.ts";
import { phantomRecipe } from "../data/phantom/mod.ts";
import type { Dataset } from "../data/types.ts";
import { processesAtOnce } from "../engine/parallel.ts";
import type { EngineName } from "../engine/types.ts";
import { fileExists, sha256 } from "../files.ts";
import type { TrainConfig } from "../train/config.ts";
import { type AblateOptions, defaultFolder, engineOf } from "./ablate.ts";
import { estimateRun, estimateSeconds, type RunEstimate } from "./estimate.ts";
import { expandPlan } from "./expand.ts";
import { type Plan, readPlan } from "./plan_file.ts";
import { type PlannedRun, runsOfPlan } from "./planned_runs.ts";
import { type RunRecord, runStatus } from "./run_record.ts";
import {
  datasetIdentity,
  dealtFolds,
  phantomIdentity,
  placeOfData,
  readSweepFolds,
  type SweepData,
  type SweepFolds,
} from "./sweep_data.ts";
import { runFolder, sweepFiles } from "./sweep_record.ts";

export interface PlanDescription {
  readonly name: string;
  readonly description: string;
  readonly out: string;
  readonly engine: EngineName;
  /** Runs at once. */
  readonly jobs: number;
  readonly compareWith: string;
  readonly rows: readonly {
    readonly label: string;
    readonly changes: Readonly<Record<string, unknown>>;
    readonly config: TrainConfig;
    readonly needsWeights: boolean;
  }[];
  readonly runs: readonly PlannedRunDescription[];
  readonly done: number;
  /** Of the runs that are not done; hours are null where no run of this sweep has been measured yet. */
  readonly left: RunEstimate & { readonly seconds: number | null };
  /** What is not known yet, or stands in the way. */
  readonly notes: readonly string[];
}

export interface PlannedRunDescription {
  readonly folder: string;
  readonly row: string;
  readonly seed: number;
  readonly fold: number | null;
  readonly status: "done" | "missing" | "unfinished" | "failed";
  readonly steps: number;
}

/**
 * Expands a plan and counts its steps; writes nothing.
 * @throws ConfigError as `ablate`
 */
export async function describePlan(options: AblateOptions): Promise<PlanDescription> {
  const plan = await readPlan(options.plan), expanded = expandPlan(plan);
  const out = options.out ?? defaultFolder(plan), engine = await engineOf(plan, options);
  const notes: string[] = [];
  const data = await lookAtData(plan, out, options.directory, notes);
  const runs = await runsOfPlan({ plan, expanded, data, engine }, options);
  const looked = await Promise.all(runs.map(async (run) => ({
    run,
    estimate: estimateRun(run, data),
    status: await runStatus(runFolder(out, run), run.hash, plan.evaluate),
  })));
  const done = looked.flatMap(({ status, estimate }): { estimate: RunEstimate; record: RunRecord }[] =>
    status.kind === "done" ? [{ estimate, record: status.record }] : []
  );
  const todo = looked.filter(({ status }) => status.kind !== "done").map(({ estimate }) => estimate);
  const jobs = options.jobs ?? Math.max(options.gpus?.length ?? 0, processesAtOnce(engine));
  const seconds = estimateSeconds(done, todo);
  const needing = expanded.rows.filter(({ config }) => config.needsPretrained);
  if (needing.length > 0 && (options.weights ?? plan.weights) === undefined && !options.fromScratch) {
    notes.push(`${needing.length} rows start from pretrained weights: give --weights FILE`);
  }
  return {
    name: plan.name,
    description: plan.description,
    out,
    engine,
    jobs,
    compareWith: expanded.baseline,
    rows: expanded.rows.map(({ label, changes, config }) => ({
      label,
      changes,
      config: runs.find(({ row }) => row.label === label)?.config ?? config,
      needsWeights: config.needsPretrained,
    })),
    runs: looked.map(({ run, estimate, status }) => describeRun(run, estimate, status.kind)),
    done: done.length,
    left: {
      ...total(todo),
      seconds: seconds === undefined ? null : seconds / Math.min(jobs, Math.max(1, todo.length)),
    },
    notes,
  };
}

function describeRun(
  { folder, row, seed, fold }: PlannedRun,
  { steps }: RunEstimate,
  status: PlannedRunDescription["status"],
): PlannedRunDescription {
  return { folder, row: row.label, seed, fold, status, steps };
}

function total(estimates: readonly RunEstimate[]): RunEstimate {
  const sum = (part: (estimate: RunEstimate) => number) => estimates.reduce((all, one) => all + part(one), 0);
  return {
    steps: sum(({ steps }) => steps),
    multiplyAccumulates: sum(({ multiplyAccumulates }) => multiplyAccumulates),
    memoryBytes: Math.max(0, ...estimates.map(({ memoryBytes }) => memoryBytes)),
  };
}

/** The dataset as far as it is there; a phantom that is not drawn yet is planned. */
async function lookAtData(
  plan: Plan,
  out: string,
  given: string | undefined,
  notes: string[],
): Promise<SweepData> {
  if (given === undefined && plan.dataset === undefined) {
    notes.push("the plan has no dataset of its own: give --data DIR; steps are not known");
    return { directory: ".", identity: "unknown", dataset: { root: ".", scans: [], notes: [] } };
  }
  const { directory, patients, cache, phantom } = placeOfData(plan, out, given);
  const place = {
    directory,
    ...(cache === undefined ? {} : { cache }),
    ...(patients === undefined ? {} : { patients }),
  };
  if (phantom !== undefined) {
    const scans = planScans(phantomRecipe(phantom)).map(({ id, split, isPositive }) => ({
      id,
      key: `${split}/${id}`,
      split,
      presence: isPositive,
      severity: "undefined" as const,
      folder: "",
      slices: [],
      ignored: 0,
    }));
    const dataset = { root: directory, scans, notes: [] };
    if (!(await fileExists(directory))) notes.push(`${scans.length} synthetic scans will be drawn in ${directory}`);
    const folds = await lookAtFolds(plan, out, dataset, notes);
    return { ...place, ...folds, dataset, identity: await phantomIdentity(phantom) };
  }
  const dataset = await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
  const folds = await lookAtFolds(plan, out, dataset, notes);
  return { ...place, ...folds, dataset, identity: await datasetIdentity(dataset) };
}

/**
 * Folds as far as they are known: those of a file, of the sweep's own one, or as the scans that are here will be dealt.
 * Those of scans that are not drawn yet are taken to be of equal size; their runs have no final names.
 */
async function lookAtFolds(
  { folds, name }: Plan,
  out: string,
  dataset: Dataset,
  notes: string[],
): Promise<Pick<SweepData, "folds">> {
  if (folds === undefined) return {};
  if (folds.file !== undefined) return { folds: await readSweepFolds(folds.file) };
  const file = join(out, sweepFiles.folds), numbers = Array.from({ length: folds.count! }, (_, i) => i);
  const isDrawn = dataset.scans.some(({ slices }) => slices.length > 0);
  const dealt = isDrawn ? await foldsToDeal(file, dealtFolds({ ...folds, count: folds.count! }, dataset)) : undefined;
  if (await fileExists(file)) {
    const own = await readSweepFolds(file);
    if (own.numbers.length !== folds.count || (dealt !== undefined && dealt.sha256 !== own.sha256)) {
      notes.push(`${file} holds other folds than the plan asks for now: use another --out`);
    }
    return { folds: own };
  }
  if (dealt !== undefined) return { folds: dealt };
  notes.push(`${folds.count} folds of "${basename(name)}" are dealt when it begins; names of runs can differ`);
  const labelled = dataset.scans.filter(({ split }) => split === "train" || split === "validation").length;
  const scans = numbers.map(() => Math.round(labelled / numbers.length));
  return { folds: { file, sha256: "0".repeat(64), numbers, scans, grouping: "scan-level" } };
}

async function foldsToDeal(file: string, plan: FoldPlan): Promise<SweepFolds> {
  const { scans, folds, grouping } = plan, numbers = Array.from({ length: folds }, (_, i) => i);
  const sizes = numbers.map((number) => scans.filter(({ fold }) => fold === number).length);
  return { file, sha256: await sha256(foldsCsv(plan)), numbers, scans: sizes, grouping };
}
