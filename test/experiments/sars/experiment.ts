/** Both frameworks and the baselines over the folds; every training is kept in the scratch folder and never repeated. */
import { join, resolve } from "node:path";
import { chooseEngine, parseEngineChoice } from "../../../lib/engine/registry.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { sha256 } from "../../../lib/files.ts";
import { progress } from "../../../lib/report/progress.ts";
import { peerPython } from "../../bench/peer.ts";
import { baselinePredictions } from "./baseline.ts";
import { runKit } from "./kit_runs.ts";
import type { FoldPredictions } from "./predictions.ts";
import { type PreparedScan, prepareScans, writeFoldDataset } from "./prepare.ts";
import { runPytorch, writeVolumes } from "./pytorch_runs.ts";
import { type ExperimentRecipe, recipe as fullRecipe } from "./recipe.ts";
import { pairedDifference, poolScores } from "./scores.ts";
import type { ExperimentResult } from "./table.ts";

export const sides = ["kit", "pytorch", "baselines"] as const;
export type Side = (typeof sides)[number];

export interface ExperimentOptions {
  /** Folder that holds sars/; the variable COV3D_REAL_CT when left out. */
  readonly data?: string;
  /** Sampled slices, volumes and runs. */
  readonly scratch: string;
  readonly engine?: string;
  readonly epochs: number;
  readonly folds: readonly number[];
  readonly seeds: readonly number[];
  /** One of the networks, or neither; the baselines are always there. */
  readonly only?: Side;
  /** Changes to the recipe, for a look at whether all this runs; its scores mean nothing. */
  readonly changes?: Partial<ExperimentRecipe>;
}

interface Prepared extends ExperimentOptions {
  readonly scratch: string;
  readonly recipe: ExperimentRecipe;
  readonly scans: readonly PreparedScan[];
  /** Datasets in COV19-CT-DB layout, one per fold. */
  readonly datasets: ReadonlyMap<number, string>;
  /** Folder of this recipe's runs. */
  readonly runs: string;
}

/** One model over all folds and seeds. */
interface Trained {
  readonly name: string;
  readonly folds: readonly FoldPredictions[];
  readonly version: string;
}

export async function runExperiment(options: ExperimentOptions): Promise<ExperimentResult> {
  const prepared = await prepare(options);
  const { scans, recipe, only } = prepared;
  const kit = only === undefined || only === "kit" ? await trainKit(prepared) : undefined;
  const pytorch = only === undefined || only === "pytorch" ? await trainPytorch(prepared) : undefined;
  const runs: Record<string, readonly FoldPredictions[]> = {
    ...(kit === undefined ? {} : { [kit.name]: kit.folds }),
    ...(pytorch === undefined ? {} : { [pytorch.name]: pytorch.folds }),
    "capture features, logistic regression": baselinePredictions(scans, (scan) => scan.capture),
    "what fair sampling leaves of them, logistic regression": baselinePredictions(scans, (scan) => scan.residual),
  };
  return {
    scans,
    recipe,
    runs,
    versions: {
      ...(kit === undefined ? {} : { engine: kit.version }),
      ...(pytorch === undefined ? {} : { pytorch: pytorch.version }),
    },
    scores: Object.entries(runs).map(([name, folds]) => poolScores(name, scans, folds)),
    ...(kit === undefined || pytorch === undefined
      ? {}
      : { difference: pairedDifference(scans, kit.folds, pytorch.folds) }),
  };
}

async function prepare(options: ExperimentOptions): Promise<Prepared> {
  const data = options.data ?? Deno.env.get("COV3D_REAL_CT");
  if (data === undefined) {
    throw new ConfigError("sars.data", "no scans", { hint: "Give --data DIR or set COV3D_REAL_CT (see --help)" });
  }
  const recipe: ExperimentRecipe = { ...fullRecipe, ...options.changes, epochs: options.epochs };
  const scratch = resolve(options.scratch);
  const scans = await prepareScans(join(data, "sars"), scratch);
  const datasets = new Map<number, string>();
  for (const fold of options.folds) datasets.set(fold, await writeFoldDataset(scans, fold, scratch));
  // Runs of another recipe are other runs.
  const runs = join(scratch, "runs", (await sha256(JSON.stringify(recipe))).slice(0, 10));
  return { ...options, scratch, recipe, scans, datasets, runs };
}

async function trainKit(prepared: Prepared): Promise<Trained> {
  const { recipe, datasets, runs, scratch } = prepared;
  const engine = await chooseEngine(parseEngineChoice(prepared.engine));
  const name = `3-D ResNet, kit (${engine})`, cache = join(scratch, "cache");
  let version = "";
  const folds = await overFolds(name, prepared, async (seed, fold) => {
    const run = await runKit({ recipe, engine, seed, fold, dataset: datasets.get(fold)!, runs, cache });
    version = run.engineVersion;
    return run.predictions;
  });
  return { name, folds, version };
}

async function trainPytorch(prepared: Prepared): Promise<Trained> {
  const { recipe, scans, datasets, runs, scratch } = prepared;
  const name = "3-D ResNet, PyTorch";
  const python = await peerPython();
  // Every fold's dataset holds all scans.
  const volumes = await writeVolumes([...datasets.values()][0]!, recipe, join(scratch, "volumes"));
  const folds = await overFolds(
    name,
    prepared,
    (seed, fold) => runPytorch({ recipe, python, seed, fold, scans, volumes, runs }),
  );
  return { name, folds, version: await pytorchVersion(python) };
}

async function overFolds(
  label: string,
  { seeds, folds }: ExperimentOptions,
  run: (seed: number, fold: number) => Promise<FoldPredictions>,
): Promise<FoldPredictions[]> {
  const bar = progress({ label, total: seeds.length * folds.length, unit: "trainings" });
  const done: FoldPredictions[] = [];
  for (const seed of seeds) {
    for (const fold of folds) {
      done.push(await run(seed, fold));
      bar.update(done.length);
    }
  }
  bar.finish();
  return done;
}

async function pytorchVersion(python: string): Promise<string> {
  const { stdout } = await new Deno.Command(python, { args: ["-c", "import torch; print(torch.__version__)"] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}
