/**
 * One seed: phantoms, what grey levels alone tell about them, training, maps of positives of another phantom at several
 * stages, and how well they point at lesions.
 */
import { join } from "node:path";
import { openDataset } from "../../../lib/data/dataset.ts";
import { generatePhantom, type PhantomOptions } from "../../../lib/data/phantom/mod.ts";
import type { EngineChoice } from "../../../lib/engine/types.ts";
import { evaluate } from "../../../lib/evaluate/evaluate.ts";
import type { SaliencyMethod } from "../../../lib/evaluate/saliency/explain.ts";
import { type LesionMeasure, measureLesions, scansWithLesions } from "../../../lib/evaluate/saliency/measure.ts";
import { saliency, type SaliencyResult } from "../../../lib/evaluate/saliency/saliency.ts";
import { fileExists } from "../../../lib/files.ts";
import type { StageName } from "../../../lib/nn/network.ts";
import { parseTrainConfig } from "../../../lib/train/config.ts";
import { mergeConfig, type PartialTrainConfig } from "../../../lib/train/merge_config.ts";
import { preset } from "../../../lib/train/presets.ts";
import { readRun } from "../../../lib/train/run.ts";
import { train } from "../../../lib/train/train.ts";
import { type TrivialScore, trivialScore } from "../../support/trivial_features.ts";
import { heldOutPhantom, heldOutSeed } from "./recipe.ts";

export interface ExperimentOptions {
  readonly folder: string;
  readonly seed: number;
  readonly engine: EngineChoice;
  readonly methods: readonly SaliencyMethod[];
  readonly layers: readonly StageName[];
  /** Networks with random weights. */
  readonly random: number;
  /** Over preset `tiny`. */
  readonly config: PartialTrainConfig;
  /** What is trained on. */
  readonly phantom: Omit<PhantomOptions, "seed">;
  readonly log: (message: string) => void;
}

export interface SeedResult {
  readonly seed: number;
  readonly engine: string;
  /** Macro F1 of presence on the test split of the phantom that was trained on. */
  readonly presenceF1: number;
  /** What a logistic regression on grey levels and file sizes reaches on the same phantom. */
  readonly trivial: TrivialScore;
  readonly rows: readonly SaliencyRow[];
}

export interface SaliencyRow {
  readonly method: SaliencyMethod;
  readonly layer: StageName | null;
  /** Its random networks are fresh: running statistics 0 and 1. */
  readonly measure: LesionMeasure;
  /** The same random networks after their batch norms have met the scans. */
  readonly settled: Pick<LesionMeasure, "random" | "randomBySeed">;
}

export interface SeedOutput {
  readonly result: SeedResult;
  /** Maps of the first method and layer, for a picture. */
  readonly shown: SaliencyResult;
  readonly root: string;
}

export async function runSeed(options: ExperimentOptions): Promise<SeedOutput> {
  const { folder, seed, engine, methods, layers, phantom, log } = options;
  const directory = join(folder, `phantom-seed${seed}`), heldOut = join(folder, `held-out-seed${seed}`);
  const cache = join(folder, "cache"), out = join(folder, `run-seed${seed}`);
  log(`seed ${seed}: phantoms`);
  await generatePhantom({ ...phantom, seed, directory });
  const { confounder } = phantom;
  const sameConfounder = confounder === undefined ? {} : { confounder };
  await generatePhantom({ ...heldOutPhantom, ...sameConfounder, seed: seed + heldOutSeed, directory: heldOut });
  const trainedOn = await openDataset({ directory }), dataset = await openDataset({ directory: heldOut });
  const trivial = await trivialScore(trainedOn.scans);
  log(`seed ${seed}: grey levels alone reach macro F1 ${trivial.best.toFixed(2)}`);
  const config = parseTrainConfig(
    mergeConfig(mergeConfig(preset("tiny").config, options.config), { seed, engine, data: { directory, cache } }),
  );
  if (!(await isFinished(out))) {
    log(`seed ${seed}: training`);
    await train({ config, out });
  }
  const { presence } = await evaluate({ run: out, dataset: trainedOn, split: "test", engine, cache });
  const scans = await scansWithLesions(dataset.root, dataset.scans);
  const rows: SaliencyRow[] = [];
  let shown: SaliencyResult | undefined;
  for (const method of methods) {
    for (const layer of layers) {
      const explain = (settleRandom: boolean) =>
        saliency({ run: out, scans, engine, cache, method, layer, sanity: options.random, settleRandom });
      const result = await explain(false);
      shown ??= result;
      const measure = await measureLesions(result, dataset.root);
      const settled = await measureLesions(await explain(true), dataset.root);
      const { random, randomBySeed } = settled;
      rows.push({ method, layer: result.layer, measure, settled: { random, randomBySeed } });
      log(`seed ${seed}: ${method} at ${layer}: ${ratios(rows.at(-1)!)}`);
    }
  }
  const result = { seed, engine: shown!.engine.engine, presenceF1: presence!.macroF1.value, trivial, rows };
  return { result, shown: shown!, root: dataset.root };
}

function ratios({ measure: { trained, random, ceiling }, settled }: SaliencyRow): string {
  const two = (value: number | undefined) => value?.toFixed(2) ?? "not measured";
  return `${two(trained.value)}, random weights ${two(random?.value)}, settled ${two(settled.random?.value)}, ` +
    `ceiling ${two(ceiling)}`;
}

async function isFinished(run: string): Promise<boolean> {
  return await fileExists(join(run, "config.json")) && ((await readRun(run)).state?.finished ?? false);
}
