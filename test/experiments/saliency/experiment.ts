/** One seed: phantoms, training, maps of positives of another phantom at several stages, and how well they point at lesions. */
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
import { heldOutPhantom, heldOutSeed, trainingConfig, trainingPhantom } from "./recipe.ts";

export interface ExperimentOptions {
  readonly folder: string;
  readonly seed: number;
  readonly engine: EngineChoice;
  readonly methods: readonly SaliencyMethod[];
  readonly layers: readonly StageName[];
  /** Networks with random weights. */
  readonly random: number;
  /** Their batch norms have met the scans. */
  readonly settleRandom: boolean;
  /** To the configuration, e.g. another size. */
  readonly changes: PartialTrainConfig;
  /** To the phantom that is trained on. */
  readonly phantom: Partial<Omit<PhantomOptions, "seed">>;
  readonly log: (message: string) => void;
}

export interface SeedResult {
  readonly seed: number;
  readonly engine: string;
  /** Macro F1 of presence on the test split of the phantom that was trained on. */
  readonly presenceF1: number;
  readonly rows: readonly {
    readonly method: SaliencyMethod;
    readonly layer: StageName | null;
    readonly measure: LesionMeasure;
  }[];
}

export interface SeedOutput {
  readonly result: SeedResult;
  /** Maps of the first method and layer, for a picture. */
  readonly shown: SaliencyResult;
  readonly root: string;
}

export async function runSeed(options: ExperimentOptions): Promise<SeedOutput> {
  const { folder, seed, engine, methods, layers, random, settleRandom, changes, phantom, log } = options;
  const directory = join(folder, `phantom-seed${seed}`), heldOut = join(folder, `held-out-seed${seed}`);
  const cache = join(folder, "cache"), out = join(folder, `run-seed${seed}`);
  log(`seed ${seed}: phantoms`);
  await generatePhantom({ ...trainingPhantom, ...phantom, seed, directory });
  const { confounder } = phantom;
  const sameConfounder = confounder === undefined ? {} : { confounder };
  await generatePhantom({ ...heldOutPhantom, ...sameConfounder, seed: seed + heldOutSeed, directory: heldOut });
  const config = parseTrainConfig(
    mergeConfig(mergeConfig(mergeConfig(preset("tiny").config, trainingConfig), changes), {
      seed,
      engine,
      data: { directory, cache },
    }),
  );
  if (!(await isFinished(out))) {
    log(`seed ${seed}: training`);
    await train({ config, out });
  }
  const trainedOn = await openDataset({ directory }), dataset = await openDataset({ directory: heldOut });
  const { presence } = await evaluate({ run: out, dataset: trainedOn, split: "test", engine, cache });
  const scans = await scansWithLesions(dataset.root, dataset.scans);
  const rows: SeedResult["rows"][number][] = [];
  let shown: SaliencyResult | undefined;
  for (const method of methods) {
    for (const layer of layers) {
      const result = await saliency({ run: out, scans, engine, cache, method, layer, sanity: random, settleRandom });
      shown ??= result;
      const measure = await measureLesions(result, dataset.root);
      rows.push({ method, layer: result.layer, measure });
      const { trained, random: control, ceiling } = measure;
      log(
        `seed ${seed}: ${method} at ${layer}: ${trained.value.toFixed(2)}, random weights ${
          control?.value.toFixed(2)
        }, ceiling ${ceiling.toFixed(2)}`,
      );
    }
  }
  const result = { seed, engine: shown!.engine.engine, presenceF1: presence!.macroF1.value, rows };
  return { result, shown: shown!, root: dataset.root };
}

async function isFinished(run: string): Promise<boolean> {
  return await fileExists(join(run, "config.json")) && ((await readRun(run)).state?.finished ?? false);
}
