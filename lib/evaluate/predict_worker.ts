/** The prediction Worker: owns the engine, reads one scan ahead, and sends one set of logits per scan. */
import * as tf from "../tf.ts";
import { applyAugmentation } from "../data/augment.ts";
import { openCache } from "../data/cache.ts";
import { type LoadedVolume, loadScan } from "../data/read.ts";
import type { Recipe } from "../data/size.ts";
import type { Scan } from "../data/types.ts";
import { startEngine } from "../engine/registry.ts";
import { assertSelfTest } from "../engine/self_test.ts";
import type { Engine, EngineChoice, EngineDescription } from "../engine/types.ts";
import { Cov3dError, errorToJSON } from "../errors.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { type Network, restoreNetwork } from "../nn/network.ts";
import { decodeSafetensors } from "../nn/safetensors.ts";
import { deriveSeed } from "../random.ts";
import { serveWorker, type WorkerContext } from "../worker.ts";

export interface MonteCarlo {
  readonly samples: number;
  /** A scan's masks depend on this seed, the scan's id and the number of the sample, and on nothing else. */
  readonly seed: number;
}

export interface PredictTask {
  readonly engine: EngineChoice;
  readonly device?: string;
  readonly network: NetworkConfig;
  /** Safetensors files; every scan goes through each of them. */
  readonly weights: readonly Uint8Array[];
  readonly scans: readonly Scan[];
  readonly recipe: Recipe;
  /** Add a second view: the sagittal reflection. */
  readonly reflection: boolean;
  /** Instead of views: this many passes with dropout active. */
  readonly monteCarlo: MonteCarlo | null;
  readonly skipUnreadable: boolean;
  /** Read and fill this cache (undefined = the user's); null = read the slices and store nothing. */
  readonly cacheDirectory?: string | null;
}

export type PredictMessage =
  | { readonly kind: "engine"; readonly description: EngineDescription }
  /** `logits[weights][view or sample]` of scan number `index`. */
  | {
    readonly kind: "scan";
    readonly index: number;
    readonly logits: readonly (readonly number[])[][];
    readonly skipped: readonly string[];
  }
  /** With `skipUnreadable`: nothing of this scan could be read. */
  | { readonly kind: "failed"; readonly index: number; readonly error: Record<string, unknown> };

serveWorker<PredictTask, PredictMessage, { finished: boolean }>(async (task, context) => {
  const engine = await startEngine(task.engine, task.device === undefined ? {} : { device: task.device });
  try {
    await assertSelfTest(engine);
    context.post({ kind: "engine", description: engine.describe() });
    return { finished: await predictScans(engine, task, context) };
  } finally {
    await engine.stop();
  }
});

async function predictScans(
  engine: Engine,
  task: PredictTask,
  context: WorkerContext<PredictMessage>,
): Promise<boolean> {
  const networks = task.weights.map((bytes) =>
    restoreNetwork(task.network, engine.ops, decodeSafetensors(bytes).tensors)
  );
  const read = await volumeReader(task);
  try {
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
      const volume = current.value!;
      const logits: number[][][] = networks.map(() => []);
      for (const [i, network] of networks.entries()) {
        for (const pass of passesOf(task, task.scans[index]!)) {
          logits[i]!.push(await logitsOf(network, volume, pass));
          await new Promise((resolve) => setTimeout(resolve)); // lets a stop message in
          if (context.signal.aborted && task.monteCarlo !== null) return false;
        }
      }
      context.post({ kind: "scan", index, logits, skipped: volume.skipped.map(({ slice }) => slice) });
    }
    return true;
  } finally {
    for (const network of networks) network.dispose();
  }
}

interface Pass {
  readonly reflect: boolean;
  readonly dropoutSeed?: readonly [seed: number, sample: number];
}

/** The volume and, with reflection, its mirror image; or the volume once per Monte-Carlo sample. */
function passesOf({ reflection, monteCarlo }: PredictTask, scan: Scan): Pass[] {
  if (monteCarlo === null) return (reflection ? [false, true] : [false]).map((reflect) => ({ reflect }));
  const seed = deriveSeed(monteCarlo.seed, "monte-carlo", scan.id);
  return Array.from({ length: monteCarlo.samples }, (_, sample) => ({ reflect: false, dropoutSeed: [seed, sample] }));
}

async function logitsOf(network: Network, volume: LoadedVolume, { reflect, dropoutSeed }: Pass): Promise<number[]> {
  const [depth, height, width] = volume.shape;
  const voxels = reflect ? applyAugmentation(volume.voxels, width, { reflect }) : volume.voxels;
  const input = tf.tensor5d(voxels, [1, depth, height, width, 1]);
  const { logits } = network.forward(input, dropoutSeed === undefined ? {} : { dropoutSeed });
  const values = Array.from(await logits.data());
  logits.dispose();
  return values;
}

/** Reads through the cache, or straight from the slices. */
async function volumeReader(task: PredictTask): Promise<(scan: Scan | undefined) => Promise<LoadedVolume | undefined>> {
  const { recipe, skipUnreadable, cacheDirectory: directory } = task;
  if (directory === null) return async (scan) => scan && await loadScan(scan, recipe, { skipUnreadable });
  const cache = await openCache({ recipe, skipUnreadable, ...(directory === undefined ? {} : { directory }) });
  return async (scan) => scan && await cache.get(scan);
}

/** The outcome of a promise that is looked at later: a failure meanwhile is not "unhandled". */
function settled<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}
