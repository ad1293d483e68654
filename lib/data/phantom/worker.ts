/** Worker: draws and writes its share of the scans. */
import sharp from "sharp";
import { serveWorker } from "../../worker.ts";
import type { PlannedScan } from "./plan.ts";
import type { PhantomRecipe } from "./recipe.ts";
import { writeScan } from "./write.ts";

export interface PhantomWork {
  readonly root: string;
  readonly recipe: PhantomRecipe;
  readonly scans: readonly PlannedScan[];
}

/** Sent after each finished scan. */
export interface PhantomDone {
  readonly id: string;
  readonly slices: number;
}

serveWorker<PhantomWork, PhantomDone, null>(async ({ root, recipe, scans }, { post, signal }) => {
  // There is one Worker for each core already.
  sharp.concurrency(1);
  for (const scan of scans) {
    signal.throwIfAborted();
    post({ id: scan.id, slices: await writeScan(root, recipe, scan, signal) });
  }
  return null;
});
