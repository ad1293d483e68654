/** The saliency Worker: owns the engine, reads one scan ahead, and sends one map per scan. */
import { openCache } from "../../data/cache.ts";
import type { LungCrop } from "../../data/lung_crop/crop.ts";
import { type LoadedVolume, loadScan } from "../../data/read.ts";
import type { Recipe } from "../../data/size.ts";
import type { Scan } from "../../data/types.ts";
import { startEngine } from "../../engine/registry.ts";
import { assertSelfTest } from "../../engine/self_test.ts";
import type { Engine, EngineChoice, EngineDescription } from "../../engine/types.ts";
import { Cov3dError, errorToJSON } from "../../errors.ts";
import type { NetworkConfig } from "../../nn/config.ts";
import { createNetwork, type Network, restoreNetwork } from "../../nn/network.ts";
import { decodeSafetensors } from "../../nn/safetensors.ts";
import { serveWorker, type WorkerContext } from "../../worker.ts";
import type { ExplainedScan } from "./cam.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import { settleStatistics } from "./settle.ts";

export interface SaliencyTask extends ExplainOptions {
  readonly engine: EngineChoice;
  readonly device?: string;
  readonly network: NetworkConfig;
  /** A safetensors file. */
  readonly weights: Uint8Array;
  /** One network with fresh weights for each, for comparison. */
  readonly randomSeeds: readonly number[];
  /** Let their batch norms meet the scans first. */
  readonly settleRandom: boolean;
  readonly scans: readonly Scan[];
  readonly recipe: Recipe;
  readonly skipUnreadable: boolean;
  /** Read and fill this cache (undefined = the user's); null = read the slices and store nothing. */
  readonly cacheDirectory?: string | null;
}

export type SaliencyMessage =
  | { readonly kind: "engine"; readonly description: EngineDescription }
  /** Cubes of the scan in work (occlusion). */
  | { readonly kind: "cubes"; readonly index: number; readonly done: number; readonly total: number }
  | {
    readonly kind: "scan";
    readonly index: number;
    readonly trained: ExplainedScan;
    /** In the order of `randomSeeds`. */
    readonly random: readonly ExplainedScan[];
    /** Slices that could not be read. */
    readonly skipped: readonly string[];
    readonly crop?: LungCrop;
  }
  | { readonly kind: "failed"; readonly index: number; readonly error: Record<string, unknown> };

serveWorker<SaliencyTask, SaliencyMessage, { finished: boolean }>(async (task, context) => {
  const engine = await startEngine(task.engine, task.device === undefined ? {} : { device: task.device });
  try {
    await assertSelfTest(engine);
    context.post({ kind: "engine", description: engine.describe() });
    return { finished: await explainScans(engine, task, context) };
  } finally {
    await engine.stop();
  }
});

/** False when asked to stop on the way. */
async function explainScans(
  engine: Engine,
  task: SaliencyTask,
  context: WorkerContext<SaliencyMessage>,
): Promise<boolean> {
  const trained = restoreNetwork(task.network, engine.ops, decodeSafetensors(task.weights).tensors);
  const random = task.randomSeeds.map((seed) => createNetwork(task.network, engine.ops, seed));
  const read = await volumeReader(task);
  try {
    if (task.settleRandom) await settleAll(random, task, read);
    let next = settled(read(task.scans[0]));
    for (const index of task.scans.keys()) {
      if (context.signal.aborted) return false;
      const current = await next;
      next = settled(read(task.scans[index + 1]));
      if ("error" in current) {
        if (!task.skipUnreadable || !(current.error instanceof Cov3dError)) throw current.error;
        context.post({ kind: "failed", index, error: errorToJSON(current.error) });
        continue;
      }
      if (!(await explainScan([trained, ...random], current.value!, index, task, context))) return false;
      await new Promise((resolve) => setTimeout(resolve)); // lets a stop message in
    }
    return true;
  } finally {
    for (const network of [trained, ...random]) network.dispose();
  }
}

async function settleAll(
  networks: readonly Network[],
  { scans, recipe: { size } }: SaliencyTask,
  read: (scan: Scan | undefined) => Promise<LoadedVolume | undefined>,
): Promise<void> {
  const voxels = async (index: number) => (await read(scans[index % scans.length]))!.voxels;
  for (const network of networks) await settleStatistics(network, [size.depth, size.height, size.width], voxels);
}

async function explainScan(
  networks: readonly Network[],
  volume: LoadedVolume,
  index: number,
  task: SaliencyTask,
  { post, signal }: WorkerContext<SaliencyMessage>,
): Promise<boolean> {
  const maps: ExplainedScan[] = [];
  for (const network of networks) {
    const before = maps.length;
    try {
      const onProgress = ({ done, total }: { done: number; total: number }) =>
        post({ kind: "cubes", index, done: before * total + done, total: networks.length * total });
      maps.push(await explain(network, volume, task, { signal, onProgress }));
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
  const [trained, ...random] = maps;
  const { crop, skipped } = volume;
  post({
    kind: "scan",
    index,
    trained: trained!,
    random,
    skipped: skipped.map(({ slice }) => slice),
    ...(crop === undefined ? {} : { crop }),
  });
  return true;
}

/** Reads through the cache, or straight from the slices. */
async function volumeReader(
  { recipe, skipUnreadable, cacheDirectory: directory }: SaliencyTask,
): Promise<(scan: Scan | undefined) => Promise<LoadedVolume | undefined>> {
  if (directory === null) return async (scan) => scan && await loadScan(scan, recipe, { skipUnreadable });
  const cache = await openCache({ recipe, skipUnreadable, ...(directory === undefined ? {} : { directory }) });
  return async (scan) => scan && await cache.get(scan);
}

/** The outcome of a promise that is looked at later: a failure meanwhile is not "unhandled". */
function settled<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}
