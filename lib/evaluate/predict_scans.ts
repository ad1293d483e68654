/** Scans through networks, view by view: what the prediction Worker does once its engine runs. */
import { applyAugmentation } from "../data/augment.ts";
import type { LoadedVolume } from "../data/read.ts";
import type { Scan } from "../data/types.ts";
import type { Engine } from "../engine/types.ts";
import { type Network, restoreNetwork } from "../nn/network.ts";
import { decodeSafetensors } from "../nn/safetensors.ts";
import { deriveSeed } from "../random.ts";
import * as tf from "../tf.ts";
import { macrotask, type WorkerContext } from "../worker.ts";
import type { PredictMessage, PredictTask } from "./predict_worker.ts";
import type { ScanVolumes } from "./scan_worker.ts";

/**
 * Every scan through every network.
 * @param weights safetensors files
 */
export async function predictScans(
  engine: Engine,
  weights: readonly Uint8Array[],
  task: PredictTask,
  context: WorkerContext<PredictMessage>,
  volumes: ScanVolumes,
): Promise<boolean> {
  const networks = weights.map((bytes) => restoreNetwork(task.network, engine.ops, decodeSafetensors(bytes).tensors));
  for (const network of networks) network.freeze(); // until they are disposed
  try {
    return await volumes.each(context, async (volume, index) => {
      const logits: number[][][] = networks.map(() => []);
      for (const [i, network] of networks.entries()) {
        for (const pass of passesOf(task, task.scans[index]!)) {
          logits[i]!.push(await logitsOf(network, volume, pass));
          await macrotask(); // lets volumes and a stop message in
          if (context.signal.aborted && task.monteCarlo !== null) return false;
        }
      }
      context.post({ kind: "scan", index, logits, skipped: volume.skipped.map(({ slice }) => slice) });
      return true;
    });
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
