/** One of the Workers of `preprocess`: takes scan after scan until none is left. */
import { Cov3dError } from "../errors.ts";
import { serveWorker } from "../worker.ts";
import { type Ensured, openCache, type VolumeCache } from "./cache.ts";
import type { LungCrop } from "./lung_crop/crop.ts";
import type { Recipe } from "./size.ts";
import type { Scan } from "./types.ts";

export interface WorkerInput {
  readonly scans: readonly Scan[];
  readonly recipe: Recipe;
  readonly cacheDirectory: string;
  readonly skipUnreadable: boolean;
  /** Shared between the workers: index of the next scan that nobody has taken. */
  readonly next: Int32Array;
  readonly verify: boolean;
}

export type ScanOutcome =
  & { readonly scan: string; readonly skipped: readonly string[]; readonly crop?: LungCrop }
  & ({ readonly kind: Ensured["state"] } | {
    readonly kind: "failed";
    readonly code: string;
    readonly message: string;
  });

serveWorker<WorkerInput, ScanOutcome, void>(async (input, { post, signal }) => {
  const { scans, recipe, cacheDirectory, skipUnreadable, verify, next } = input;
  const cache = await openCache({ recipe, directory: cacheDirectory, skipUnreadable });
  while (!signal.aborted) {
    const scan = scans[Atomics.add(next, 0, 1)];
    if (scan === undefined) return;
    post(await processScan(cache, scan, verify));
  }
});

async function processScan(cache: VolumeCache, scan: Scan, verify: boolean): Promise<ScanOutcome> {
  try {
    const { state, skipped, ...crop } = await cache.ensure(scan, { verify });
    return { scan: scan.key, skipped: skipped.map(({ slice }) => slice), kind: state, ...crop };
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    return { scan: scan.key, skipped: [], kind: "failed", code: error.code, message: error.message };
  }
}
