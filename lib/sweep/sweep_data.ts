/** The scans of a sweep: opened, or drawn first; dealt to folds where the plan asks for it. */
import { join } from "node:path";
import { openDataset } from "../data/dataset.ts";
import { foldsCsv, readFolds } from "../data/folds_file.ts";
import { type FoldGrouping, type FoldPlan, makeFolds } from "../data/folds_make.ts";
import { generatePhantom, phantomRecipe } from "../data/phantom/mod.ts";
import type { Dataset } from "../data/types.ts";
import { ConfigError, RunError } from "../errors.ts";
import { fileExists, makeFolder, sha256, writeFileAtomic } from "../files.ts";
import { stableJson } from "../train/config.ts";
import type { Plan } from "./plan_file.ts";
import { sweepFiles } from "./sweep_record.ts";

export interface SweepData {
  readonly directory: string;
  readonly patients?: string;
  /** Preprocessed volumes; the user's cache folder when absent. */
  readonly cache?: string;
  readonly dataset: Dataset;
  /** Equal for the same scans and labels wherever they lie. */
  readonly identity: string;
  readonly folds?: SweepFolds;
}

export interface SweepFolds {
  readonly file: string;
  readonly sha256: string;
  readonly numbers: readonly number[];
  /** Scans of each, in the same order. */
  readonly scans: readonly number[];
  readonly grouping: FoldGrouping;
}

export interface SweepDataOptions {
  readonly plan: Plan;
  readonly out: string;
  /** Instead of the plan's dataset. */
  readonly directory?: string;
  /** Draws the phantom where it is missing; without this it is only looked at. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens the dataset; a phantom's scans that are missing are drawn, and folds that are missing are dealt.
 * @throws ConfigError "plan.dataset"; DataError; RunError "sweep.folds"
 */
export async function openSweepData(options: SweepDataOptions): Promise<SweepData> {
  const { plan, out, signal, onProgress } = options;
  const place = placeOfData(plan, out, options.directory);
  if (place.phantom !== undefined) {
    await generatePhantom({
      ...place.phantom,
      directory: place.directory,
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
  const { directory, patients, cache } = place;
  const dataset = await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
  const folds = plan.folds === undefined ? undefined : await foldsOf(plan.folds, dataset, out);
  return {
    directory,
    ...(patients === undefined ? {} : { patients }),
    ...(cache === undefined ? {} : { cache }),
    dataset,
    identity: place.phantom === undefined ? await datasetIdentity(dataset) : await phantomIdentity(place.phantom),
    ...(folds === undefined ? {} : { folds }),
  };
}

type Phantom = NonNullable<NonNullable<Plan["dataset"]>["phantom"]>;

export interface DataPlace {
  readonly directory: string;
  readonly patients?: string;
  readonly cache?: string;
  readonly phantom?: Phantom & { readonly masks: false };
}

/** Where the scans are or will be. @throws ConfigError "plan.dataset" */
export function placeOfData(plan: Plan, out: string, directory?: string): DataPlace {
  if (directory !== undefined) return { directory };
  if (plan.dataset === undefined) {
    throw new ConfigError("plan.dataset", `plan "${plan.name}" has no dataset of its own`, {
      hint: "Say where the scans are: --data DIR",
    });
  }
  const { directory: own, patients, phantom } = plan.dataset;
  const place = {
    directory: own ?? join(out, sweepFiles.data),
    ...(patients === undefined ? {} : { patients }),
  };
  if (phantom === undefined) return place;
  return { ...place, cache: join(out, sweepFiles.cache), phantom: { ...phantom, masks: false } };
}

/** The recipe decides every voxel. */
export function phantomIdentity(phantom: Phantom): Promise<string> {
  return sha256(stableJson(phantomRecipe(phantom)));
}

/** Changes when a scan is added, removed, relabelled, or has other slices. */
export function datasetIdentity({ scans }: Dataset): Promise<string> {
  const lines = scans.map(({ key, presence, severity, slices }) =>
    [key, presence ?? "", severity, slices.length].join(";")
  );
  return sha256(lines.sort().join("\n"));
}

async function foldsOf(plan: NonNullable<Plan["folds"]>, dataset: Dataset, out: string): Promise<SweepFolds> {
  const file = plan.file ?? join(out, sweepFiles.folds);
  if (plan.count !== undefined) await dealFolds(file, { ...plan, count: plan.count }, dataset);
  return await readSweepFolds(file);
}

/** @throws DataError as `readFolds` */
export async function readSweepFolds(file: string): Promise<SweepFolds> {
  const { folds, sha256, grouping, foldOf } = await readFolds({ file });
  const dealt = [...foldOf.values()];
  const scans = folds.map((number) => dealt.filter((fold) => fold === number).length);
  return { file, sha256, numbers: folds, scans, grouping };
}

/** The folds of a plan that gives their number. @throws ConfigError; DataError as `makeFolds` */
export function dealtFolds({ count, seed, scheme }: CountedFolds, dataset: Dataset): FoldPlan {
  return makeFolds({
    dataset,
    folds: count,
    ...(seed === undefined ? {} : { seed }),
    ...(scheme === undefined ? {} : { scheme }),
  });
}

type CountedFolds = NonNullable<Plan["folds"]> & { readonly count: number };

/** The file is made once; one that would be dealt otherwise today belongs to other data or another plan. */
async function dealFolds(file: string, folds: CountedFolds, dataset: Dataset): Promise<void> {
  const text = foldsCsv(dealtFolds(folds, dataset));
  if (!(await fileExists(file))) {
    await makeFolder(join(file, ".."));
    return await writeFileAtomic(file, text);
  }
  if (await Deno.readTextFile(file) === text) return;
  throw new RunError("sweep.folds", "the folds are not those that the plan asks for now", {
    file,
    hint: "Use another --out, or name this file in the plan",
  });
}
