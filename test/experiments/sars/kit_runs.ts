/** The kit's side: `train` on each fold's folder, and the predictions of the last epoch's weights. No selection. */
import { join } from "node:path";
import Papa from "papaparse";
import { fileExists } from "../../../lib/files.ts";
import type { EngineDescription, EngineName } from "../../../lib/engine/types.ts";
import { readRun, runFiles } from "../../../lib/train/run.ts";
import { resume, train } from "../../../lib/train/train.ts";
import type { FoldPredictions } from "./predictions.ts";
import type { ExperimentRecipe } from "./recipe.ts";

export interface KitRunOptions {
  readonly recipe: ExperimentRecipe;
  readonly engine: EngineName;
  readonly seed: number;
  readonly fold: number;
  /** Folder in COV19-CT-DB layout whose validation split is the fold. */
  readonly dataset: string;
  /** Folder of run folders. */
  readonly runs: string;
  /** Folder of preprocessed volumes. */
  readonly cache: string;
}

/** A fold's predictions, and the engine's version as its run recorded it. */
export interface KitRun {
  readonly predictions: FoldPredictions;
  readonly engineVersion: string;
}

interface Environment {
  readonly sessions: readonly { readonly engine: EngineDescription }[];
}

/** Trains, continues, or only reads what is finished. */
export async function runKit({ runs, ...options }: KitRunOptions): Promise<KitRun> {
  const { seed, fold } = options;
  const folder = join(runs, `kit-${options.engine}-seed${seed}-fold${fold}`);
  if (!(await fileExists(join(folder, runFiles.config)))) await train({ config: kitConfig(options), out: folder });
  else if (!(await readRun(folder)).state?.finished) await resume({ run: folder });
  const { epochs } = await readRun(folder);
  const { data } = Papa.parse<Record<string, string>>(
    await Deno.readTextFile(join(folder, runFiles.validationPredictions)),
    { header: true, skipEmptyLines: true },
  );
  const predictions = {
    seed,
    fold,
    // The key is "validation/<class>/<scan>".
    predictions: data.map((row) => ({
      scan: row.scan!.split("/").at(-1)!,
      probability: Number(row.presence_probability),
    })),
    trainSeconds: epochs.reduce((sum, { timing }) => sum + timing.seconds - timing.validationSeconds, 0),
  };
  const environment = JSON.parse(await Deno.readTextFile(join(folder, runFiles.environment))) as Environment;
  return { predictions, engineVersion: environment.sessions.at(-1)!.engine.version };
}

function kitConfig({ recipe, engine, seed, fold, dataset, cache }: Omit<KitRunOptions, "runs">) {
  const [depth, height, width] = recipe.size;
  return {
    name: `sars-fold${fold}`,
    seed,
    engine,
    epochs: recipe.epochs,
    batchSize: recipe.batchSize,
    reflection: recipe.reflection,
    data: { directory: dataset, cache, size: { depth, height, width } },
    model: {
      model: "r3d_18" as const,
      widths: [...recipe.widths],
      blocks: [...recipe.blocks],
      dropout: recipe.dropout,
      penultimate: recipe.penultimate,
    },
    // Presence only: these scans have no severity labels.
    loss: { severityFactor: 0, presenceSmoothing: recipe.presenceSmoothing },
    optimizer: { learningRate: recipe.learningRate, weightDecay: recipe.weightDecay },
  };
}
