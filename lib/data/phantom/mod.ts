/**
 * Synthetic chest CT in exactly the layout of COV19-CT-DB: train|validation|test / covid|non-covid / ct_scan_<n> /
 * <k>.jpg, the severity CSVs, a patient CSV, and lung and lesion masks as NumPy files beside them. Nothing in it comes
 * from a patient. See data/README.md for what is drawn and why.
 */
import { join } from "node:path";
import { ConfigError, DataError } from "../../errors.ts";
import { makeFolder, writeFileAtomic } from "../../files.ts";
import { runInWorker } from "../../worker.ts";
import {
  classFolder,
  patientCsv,
  type PlannedScan,
  planScans,
  scanPath,
  severityCsv,
  severityCsvName,
} from "./plan.ts";
import { type PhantomOptions, type PhantomRecipe, phantomRecipe } from "./recipe.ts";
import type { PhantomDone, PhantomWork } from "./worker.ts";
import { masksFolder } from "../layout.ts";
import { partialFolder } from "./write.ts";

export {
  type Confounder,
  confounders,
  type PhantomOptions,
  type PhantomRecipe,
  phantomRecipe,
  type SeverityMix,
} from "./recipe.ts";
export { type PlannedScan, planScans } from "./plan.ts";

/** The recipe is kept here, below the dataset's root. */
export const recipeFile = "phantom.json";

export interface GeneratePhantomOptions extends PhantomOptions {
  /** A new or empty folder, or one that holds the same recipe, finished or not. */
  readonly directory: string;
  /** Worker threads (default: all cores). */
  readonly workers?: number;
  readonly onProgress?: (progress: PhantomProgress) => void;
  readonly signal?: AbortSignal;
}

export interface PhantomProgress {
  readonly done: number;
  readonly total: number;
  /** Slices written in this call. */
  readonly slices: number;
}

export interface PhantomResult {
  readonly directory: string;
  readonly recipe: PhantomRecipe;
  readonly scans: readonly PlannedScan[];
  /** Scans drawn in this call, and those that were there already. */
  readonly written: number;
  readonly kept: number;
  readonly slices: number;
}

/**
 * Writes the dataset. Finished scans are kept when a stopped call is repeated. Throws ConfigError on a bad recipe,
 * DataError("phantom.foreign") where the folder holds something else, and the signal's reason when stopped.
 */
export async function generatePhantom(options: GeneratePhantomOptions): Promise<PhantomResult> {
  const { directory, workers = navigator.hardwareConcurrency, onProgress, signal } = options;
  if (!Number.isInteger(workers) || workers < 1) {
    throw new ConfigError("phantom.workers", "workers", { expected: "a whole number above 0", found: `${workers}` });
  }
  const recipe = phantomRecipe(options);
  const scans = planScans(recipe);
  await claimFolder(directory, recipe);
  const missing: PlannedScan[] = [];
  for (const scan of scans) if (!await isFinished(directory, scan)) missing.push(scan);
  await writeLabels(directory, recipe, scans);

  let done = scans.length - missing.length, slices = 0;
  const report = () => onProgress?.({ done, total: scans.length, slices });
  report();
  await drawAll({ root: directory, recipe, scans: missing }, workers, signal, (finished) => {
    done++;
    slices += finished.slices;
    report();
  });
  await Deno.remove(join(directory, partialFolder), { recursive: true }).catch(() => {});
  return { directory, recipe, scans, written: missing.length, kept: scans.length - missing.length, slices };
}

/** Records the recipe in a new folder; refuses a folder that holds anything else. */
async function claimFolder(directory: string, recipe: PhantomRecipe): Promise<void> {
  await makeFolder(directory);
  const file = join(directory, recipeFile);
  const wanted = JSON.stringify(recipe, null, 2) + "\n";
  const entries = (await Array.fromAsync(Deno.readDir(directory))).map((entry) => entry.name);
  if (entries.length === 0) return await writeFileAtomic(file, wanted);
  const hint = "Choose a new folder, or remove this one.";
  if (!entries.includes(recipeFile)) {
    throw new DataError("phantom.foreign", "folder is not empty and holds no phantom", {
      file: directory,
      expected: `an empty folder or one with ${recipeFile}`,
      found: `${entries.length} entries, such as ${entries[0]}`,
      hint,
    });
  }
  const found = await Deno.readTextFile(file);
  if (found !== wanted) {
    throw new DataError("phantom.foreign", "phantom of another recipe", {
      file,
      ...differences(recipe, found),
      hint,
    });
  }
}

/** The fields in which a recipe on disk is not the wanted one. */
function differences(wanted: PhantomRecipe, text: string): { expected: string; found: string } {
  try {
    const there = JSON.parse(text) as Record<string, unknown>, here = wanted as unknown as Record<string, unknown>;
    const names = Object.keys({ ...here, ...there })
      .filter((name) => JSON.stringify(here[name]) !== JSON.stringify(there[name]));
    const list = (recipe: Record<string, unknown>) =>
      names.map((name) => `${name} ${JSON.stringify(recipe[name])}`).join(", ");
    return { expected: list(here), found: list(there) };
  } catch {
    return { expected: "a recipe", found: text.slice(0, 40) };
  }
}

/** A scan folder only appears when it is complete; its slices are looked at because a disk can lose the last writes. */
async function isFinished(root: string, scan: PlannedScan): Promise<boolean> {
  const folder = join(root, scanPath(scan));
  try {
    let slices = 0;
    for await (const entry of Deno.readDir(folder)) {
      if ((await Deno.stat(join(folder, entry.name))).size === 0) return await discard(folder);
      slices++;
    }
    return slices > 0 || await discard(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function discard(folder: string): Promise<false> {
  await Deno.remove(folder, { recursive: true });
  return false;
}

async function writeLabels(root: string, recipe: PhantomRecipe, scans: readonly PlannedScan[]): Promise<void> {
  for (const split of ["train", "validation", "test"] as const) {
    if (recipe.counts[split] === 0) continue;
    for (const isPositive of [true, false]) {
      await Deno.mkdir(join(root, split, classFolder({ isPositive })), { recursive: true });
    }
    await writeFileAtomic(join(root, severityCsvName[split]), severityCsv(scans, split));
  }
  await writeFileAtomic(join(root, "scan_patients.csv"), patientCsv(scans));
  if (recipe.masks) await Deno.mkdir(join(root, masksFolder), { recursive: true });
}

/** Deals the scans to Workers; the first error stops the others. */
async function drawAll(
  { root, recipe, scans }: PhantomWork,
  workers: number,
  signal: AbortSignal | undefined,
  onDone: (done: PhantomDone) => void,
): Promise<void> {
  signal?.throwIfAborted();
  const failure = new AbortController();
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const hands = Array.from({ length: Math.min(workers, scans.length) }, (_, hand) => hand);
  const url = new URL("./worker.ts", import.meta.url);
  const settled = await Promise.allSettled(hands.map(async (hand) => {
    const share = scans.filter((_, i) => i % hands.length === hand);
    try {
      await runInWorker<PhantomWork, PhantomDone, null>(url, { root, recipe, scans: share }, {
        signal: stop,
        onMessage: onDone,
      });
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }));
  signal?.throwIfAborted();
  if (failure.signal.aborted) throw failure.signal.reason;
  const failed = settled.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
