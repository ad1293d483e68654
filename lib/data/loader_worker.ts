/** The loader's Worker: reads volumes from the cache (or computes and stores them) and puts batches together. */
import { serveRequests } from "../worker_service.ts";
import { BatchAssembly } from "./batch_assembly.ts";
import { openCache } from "./cache.ts";
import type { BatchItem } from "./epoch_plan.ts";
import type { Recipe } from "./size.ts";
import type { Scan } from "./types.ts";

export interface LoaderWorkerOptions {
  readonly recipe: Recipe;
  readonly cacheDirectory?: string;
  readonly skipUnreadable?: boolean;
  /** As in `BatchAssemblyOptions`. */
  readonly keepBytes?: number;
}

export interface BatchRequest {
  /** Scans that this Worker has not met yet; it numbers them 0, 1, 2 … in the order in which they come. */
  readonly scans: readonly Scan[];
  /** Their `scan` is such a number. */
  readonly items: readonly BatchItem[];
}

serveRequests<LoaderWorkerOptions, BatchRequest, Float32Array>(
  async ({ recipe, cacheDirectory, skipUnreadable, keepBytes }) => {
    const cache = await openCache({
      recipe,
      ...(cacheDirectory === undefined ? {} : { directory: cacheDirectory }),
      ...(skipUnreadable === undefined ? {} : { skipUnreadable }),
    });
    const assembly = new BatchAssembly({
      read: (scan) => cache.stored(scan),
      size: recipe.size,
      ...(keepBytes === undefined ? {} : { keepBytes }),
    });
    const known: Scan[] = [];
    return async ({ scans, items }) => {
      known.push(...scans);
      const voxels = await assembly.assemble(items.map(({ scan, ...item }) => ({ ...item, scan: known[scan]! })));
      return { answer: voxels, transfer: [voxels.buffer] };
    };
  },
);
