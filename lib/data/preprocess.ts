/** Fills the cache for a whole dataset, on all cores. */
import { volumeCache } from "../paths.ts";
import { runInWorker } from "../worker.ts";
import type { ScanOutcome, WorkerInput } from "./preprocess_worker.ts";
import type { Recipe } from "./size.ts";
import type { Dataset } from "./types.ts";

export interface PreprocessOptions {
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  /** Default: the user's cache folder. */
  readonly cacheDirectory?: string;
  /** Worker threads (default: one per core, at most one per scan). */
  readonly workers?: number;
  readonly skipUnreadable?: boolean;
  /** Read and check the volumes that are there already, and make damaged ones again (default: only see that they are). */
  readonly verify?: boolean;
  /** Called after each scan. */
  readonly onProgress?: (progress: PreprocessProgress) => void;
  /** Ends after the scans in work; what is finished stays in the cache, so the next call continues from there. */
  readonly signal?: AbortSignal;
}

export interface PreprocessProgress {
  readonly done: number;
  readonly total: number;
  /** The scan just finished. */
  readonly outcome: ScanOutcome;
}

export interface PreprocessResult {
  readonly cacheDirectory: string;
  /** Volumes made now, found ready in the cache, and made again because the file was damaged. */
  readonly made: number;
  readonly ready: number;
  readonly repaired: number;
  /** Scans that have no volume, with the typed error's code and message. */
  readonly failed: readonly { readonly scan: string; readonly code: string; readonly message: string }[];
  /** Slices left out because of `skipUnreadable`, by scan key. */
  readonly skipped: Readonly<Record<string, readonly string[]>>;
  /** Scans that the recipe should have cropped and that are whole, with the reason: see `LungCrop`. */
  readonly uncropped: readonly { readonly scan: string; readonly reason: string }[];
  /** True when `signal` ended the work early. */
  readonly stopped: boolean;
  readonly seconds: number;
}

/**
 * Makes the volume of every scan that is not in the cache yet. A scan that cannot be read is recorded in `failed` and
 * the others go on. Volumes are also checked whenever they are read.
 */
export async function preprocess(options: PreprocessOptions): Promise<PreprocessResult> {
  const { dataset: { scans }, recipe, skipUnreadable = false, verify = false, onProgress, signal } = options;
  const cacheDirectory = options.cacheDirectory ?? volumeCache();
  const workers = Math.max(1, Math.min(options.workers ?? navigator.hardwareConcurrency, scans.length));
  const started = performance.now(), outcomes: ScanOutcome[] = [];
  const next = new Int32Array(new SharedArrayBuffer(4)); // the scan that the next free worker takes
  const input: WorkerInput = { scans, recipe, cacheDirectory, skipUnreadable, verify, next };
  const onMessage = (outcome: ScanOutcome) => {
    outcomes.push(outcome);
    onProgress?.({ done: outcomes.length, total: scans.length, outcome });
  };
  const url = new URL("./preprocess_worker.ts", import.meta.url);
  await Promise.all(
    Array.from({ length: workers }, () =>
      runInWorker<WorkerInput, ScanOutcome, void>(url, input, {
        onMessage,
        ...(signal === undefined ? {} : { signal }),
      })),
  );
  return summarize(outcomes, cacheDirectory, scans.length, (performance.now() - started) / 1000);
}

function summarize(outcomes: ScanOutcome[], cacheDirectory: string, total: number, seconds: number): PreprocessResult {
  const count = (kind: ScanOutcome["kind"]) => outcomes.filter((outcome) => outcome.kind === kind).length;
  return {
    cacheDirectory,
    made: count("made"),
    ready: count("ready"),
    repaired: count("repaired"),
    failed: outcomes.flatMap((outcome) => outcome.kind === "failed" ? [outcome] : [])
      .map(({ scan, code, message }) => ({ scan, code, message })),
    skipped: Object.fromEntries(
      outcomes.filter(({ skipped }) => skipped.length > 0).map(({ scan, skipped }) => [scan, skipped]),
    ),
    uncropped: outcomes.flatMap(({ scan, crop }) => crop?.kind === "whole" ? [{ scan, reason: crop.reason! }] : []),
    stopped: outcomes.length < total,
    seconds,
  };
}
