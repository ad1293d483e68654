/**
 * What the notebooks run on. `quick` (the default): a synthetic dataset and a small network that one core trains in a
 * minute, both kept in the cache folder and the same for all notebooks; always the wasm engine, which repeats itself to
 * the bit on every machine. `full` (COV3D_PROFILE=full): the dataset in the folder that COV3D_DATA names, the best
 * engine, the paper's sizes.
 */
import { join, resolve } from "node:path";
import { openDataset } from "../data/dataset.ts";
import type { Dataset, VolumeSize } from "../data/types.ts";
import { namedSizes } from "../data/size.ts";
import { demoPhantom } from "../demo.ts";
import type { EngineChoice } from "../engine/types.ts";
import { ConfigError } from "../errors.ts";
import { fileExists, makeFolder } from "../files.ts";
import { cacheRoot } from "../paths.ts";
import { configHash, type TrainConfig } from "../train/config.ts";
import { mergeConfig, type PartialTrainConfig, presetConfig } from "../train/presets.ts";
import { readRun, type Run } from "../train/run.ts";
import type { TrainProgress } from "../train/progress.ts";
import { progress } from "../report/progress.ts";
import { settle } from "./kernel.ts";
import { generatePhantom, resume, train } from "./verbs.ts";

export interface NotebookProfile {
  readonly name: "quick" | "full";
  readonly engine: EngineChoice;
  /** Size of preprocessed volumes. */
  readonly size: VolumeSize;
  /** Folder for what a notebook makes; nothing in it is precious. */
  readonly folder: string;
  /** The dataset; in `quick` it is drawn when it is not there yet. */
  dataset(): Promise<Dataset>;
  /** Configuration of the training that the notebooks share, with changes. */
  config(changes?: PartialTrainConfig): Promise<TrainConfig>;
  /**
   * The shared training, finished: trained now when it is not there yet. With changes another training like it, in a
   * folder of its own.
   */
  run(changes?: PartialTrainConfig): Promise<Run>;
}

/** The synthetic dataset of the quick profile: the demo's kind of scans, fewer of them. */
export const notebookPhantom = {
  ...demoPhantom,
  scans: { train: 120, validation: 60, test: 60 },
  seed: 1,
} as const;

/** The profile named by COV3D_PROFILE. @throws ConfigError when it is unknown, or `full` has no COV3D_DATA */
export function notebookProfile(): NotebookProfile {
  const name = Deno.env.get("COV3D_PROFILE") || "quick";
  if (name === "quick") return quick();
  if (name === "full") return full();
  throw new ConfigError("notebook.profile", "unknown profile", { expected: "quick or full", found: name });
}

function quick(): NotebookProfile {
  const folder = join(cacheRoot(), "notebooks"), directory = join(folder, "phantom");
  const dataset = async () => {
    await generatePhantom({ ...notebookPhantom, directory });
    return await openDataset({ directory });
  };
  const config = (changes: PartialTrainConfig = {}) =>
    Promise.resolve(
      presetConfig("tiny", mergeConfig({ name: "notebook", seed: 1, engine: "wasm", data: { directory } }, changes)),
    );
  const size = { depth: 16, height: 64, width: 64 };
  return {
    name: "quick",
    engine: "wasm",
    size,
    folder,
    dataset,
    config,
    run: (changes) => sharedRun(folder, dataset, config, changes),
  };
}

function full(): NotebookProfile {
  const directory = Deno.env.get("COV3D_DATA");
  if (!directory) {
    throw new ConfigError("notebook.data", "the full profile needs a dataset", {
      expected: "its folder in the variable COV3D_DATA",
      hint: "Set it before Jupyter starts, or leave COV3D_PROFILE out for the synthetic dataset",
    });
  }
  const folder = join(cacheRoot(), "notebooks-full");
  const dataset = () => openDataset({ directory: resolve(directory) });
  const preset = Deno.env.get("COV3D_PRESET") || "paper";
  const config = (changes: PartialTrainConfig = {}) =>
    Promise.resolve(presetConfig(preset, mergeConfig({ seed: 1, data: { directory: resolve(directory) } }, changes)));
  return {
    name: "full",
    engine: "auto",
    size: namedSizes.small,
    folder,
    dataset,
    config,
    run: (changes) => sharedRun(folder, dataset, config, changes),
  };
}

async function sharedRun(
  folder: string,
  dataset: () => Promise<Dataset>,
  configOf: (changes?: PartialTrainConfig) => Promise<TrainConfig>,
  changes?: PartialTrainConfig,
): Promise<Run> {
  const config = await configOf(changes);
  const run = join(folder, changes === undefined ? "run" : `run-${await configHash(config)}`);
  if (!(await fileExists(join(run, "config.json")))) {
    await dataset();
    await makeFolder(folder);
    await watchedByLine((onProgress) => train({ config, out: run, onProgress }));
  } else if (!(await readRun(run)).state?.finished) await watchedByLine((onProgress) => resume({ run, onProgress }));
  return await readRun(run);
}

/** A line that a committed notebook does not keep: live curves would be there in the first execution alone. */
async function watchedByLine(work: (onProgress: (progress: TrainProgress) => void) => Promise<unknown>): Promise<void> {
  const line = progress({ label: "training", total: 0, unit: "steps" });
  try {
    await work((message) => {
      if (message.kind === "step") line.update(message.step, "", message.totalSteps);
    });
  } finally {
    line.finish();
    await settle();
  }
}
