/** The kit's side of `bench load`: one epoch of a training's batches through the loader, as fast as they come. */
import { openDataset } from "../../lib/data/dataset.ts";
import { planEpoch } from "../../lib/data/epoch_plan.ts";
import { Loader, plannedBatches } from "../../lib/data/loader.ts";
import { workerSource } from "../../lib/data/loader_source.ts";
import { recipeFor } from "../../lib/data/size.ts";
import type { LoadAnswer, LoadRequest, LoadSetting } from "./load.ts";
import { serveRounds } from "./side.ts";

const { directory, cache, size, batch, keepBytes } = JSON.parse(Deno.args[0]!) as LoadSetting;
const recipe = recipeFor({ size });
const { scans } = await openDataset({ directory, cache: false });
const source = workerSource({ recipe, cacheDirectory: cache, ...(keepBytes === undefined ? {} : { keepBytes }) });
const loader = new Loader({ source, size: recipe.size });

async function runEpoch({ epoch }: LoadRequest): Promise<LoadAnswer> {
  const plan = planEpoch({ scans, batchSize: batch, training: { seed: 1, epoch, reflection: 0.5 } });
  const started = performance.now();
  let volumes = 0, sum = 0;
  for await (const { voxels, items } of loader.batches(plannedBatches(scans, plan))) {
    volumes += items.length;
    sum += voxels[voxels.length >> 1]!;
  }
  return { seconds: (performance.now() - started) / 1000, volumes, finite: Number.isFinite(sum) };
}

await serveRounds<LoadRequest, LoadAnswer>({ version: Deno.version.deno }, runEpoch);
loader.close(); // its Worker would keep the process alive
