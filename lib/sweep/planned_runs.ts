/** The runs of a sweep: every row with every seed, and with every fold where there are folds. */
import type { EngineName } from "../engine/types.ts";
import { sha256 } from "../files.ts";
import { weightsFileOf } from "../weights/source.ts";
import { configHash, type TrainConfig } from "../train/config.ts";
import { withItemWeightsHash } from "../train/item_weights_file.ts";
import type { ExpandedPlan, SweepRow } from "./expand.ts";
import type { Plan } from "./plan_file.ts";
import type { SweepData } from "./sweep_data.ts";

export interface PlannedRun {
  readonly row: SweepRow;
  readonly seed: number;
  readonly fold: number | null;
  /** Of everything that changes the result, wherever the files lie. */
  readonly hash: string;
  /** Name of the run's folder. */
  readonly folder: string;
  readonly config: TrainConfig;
}

export interface PlannedRunsOptions {
  readonly expanded: ExpandedPlan;
  readonly seeds: readonly number[];
  readonly data: Omit<SweepData, "dataset">;
  readonly engine: EngineName;
  /** Weights to start from. */
  readonly weights?: string;
  /** Rows need no pretrained weights. */
  readonly fromScratch?: boolean;
}

export interface PlannedSweep extends Pick<PlannedRunsOptions, "expanded" | "data" | "engine"> {
  readonly plan: Pick<Plan, "seeds" | "weights">;
}

/** The runs of a plan; weights that are given with the call are taken instead of the plan's. */
export function runsOfPlan(
  { plan, expanded, data, engine }: PlannedSweep,
  { weights = plan.weights, fromScratch = false }: Pick<PlannedRunsOptions, "weights" | "fromScratch">,
): Promise<PlannedRun[]> {
  const initial = weights === undefined ? {} : { weights };
  return plannedRuns({ expanded, seeds: plan.seeds, data, engine, ...initial, fromScratch });
}

export async function plannedRuns(options: PlannedRunsOptions): Promise<PlannedRun[]> {
  const { seeds, data } = options;
  const rows = await Promise.all(options.expanded.rows.map(async (row) => ({
    row,
    config: await withItemWeightsHash(row.config),
  })));
  const initialWeights = options.weights === undefined ? undefined : await weightsEntry(options.weights);
  const folds = data.folds?.numbers ?? [null];
  const runs: PlannedRun[] = [];
  for (const { row, config: rowConfig } of rows) {
    for (const seed of seeds) {
      for (const fold of folds) {
        const config = runConfig({ ...row, config: rowConfig }, { ...options, initialWeights, seed, fold });
        const hash = await runHash(config, data.identity);
        const folder = `${row.slug}-seed${seed}${fold === null ? "" : `-fold${fold}`}-${hash}`;
        runs.push({ row, seed, fold, hash, folder, config });
      }
    }
  }
  return runs;
}

interface RunPlace extends Pick<PlannedRunsOptions, "data" | "engine" | "fromScratch"> {
  readonly initialWeights: TrainConfig["initialWeights"];
  readonly seed: number;
  readonly fold: number | null;
}

function runConfig(
  row: SweepRow,
  { data, engine, initialWeights, fromScratch, seed, fold }: RunPlace,
): TrainConfig {
  const { directory, patients, folds } = data;
  const cache = row.config.data.cache ?? data.cache;
  return {
    ...row.config,
    name: row.slug,
    seed,
    engine,
    data: {
      ...row.config.data,
      directory,
      ...(patients === undefined ? {} : { patients }),
      ...(cache === undefined ? {} : { cache }),
      ...(fold === null || folds === undefined ? {} : { folds: { file: folds.file, sha256: folds.sha256, fold } }),
    },
    ...(initialWeights === undefined ? {} : { initialWeights }),
    ...(fromScratch ? { needsPretrained: false } : {}),
  };
}

/** Ten digits, as `configHash`, of the configuration with contents in the place of paths. */
async function runHash(config: TrainConfig, identity: string): Promise<string> {
  const { patients: _, ...data } = config.data;
  return await configHash({ ...config, data: { ...data, directory: identity } });
}

/** The weights of a file or of a run folder, known by their content. */
async function weightsEntry(given: string): Promise<NonNullable<TrainConfig["initialWeights"]>> {
  const file = await weightsFileOf(given);
  return { file, sha256: await sha256(await Deno.readFile(file)) };
}
