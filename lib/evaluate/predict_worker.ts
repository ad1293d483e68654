/** The prediction Worker: owns the engine, reads one scan ahead, and sends one set of logits per scan. */
import * as tf from "../tf.ts";
import { applyAugmentation } from "../data/augment.ts";
import type { LoadedVolume } from "../data/read.ts";
import type { Scan } from "../data/types.ts";
import type { Engine } from "../engine/types.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { type Network, restoreNetwork } from "../nn/network.ts";
import { decodeSafetensors } from "../nn/safetensors.ts";
import { deriveSeed } from "../random.ts";
import type { WorkerContext } from "../worker.ts";
import { eachScan, type ScanMessage, scanReader, type ScanTask, serveScans } from "./scan_worker.ts";

export interface MonteCarlo {
  readonly samples: number;
  /** A scan's masks depend on this seed, the scan's id and the number of the sample, and on nothing else. */
  readonly seed: number;
}

export interface PredictTask extends ScanTask {
  readonly network: NetworkConfig;
  /** Safetensors files; every scan goes through each of them. */
  readonly weights: readonly Uint8Array[];
  /** Add a second view: the sagittal reflection. */
  readonly reflection: boolean;
  /** Instead of views: this many passes with dropout active. */
  readonly monteCarlo: MonteCarlo | null;
}

/** `logits[weights][view or sample]` of scan number `index`. */
interface LogitsMessage {
  readonly kind: "scan";
  readonly index: number;
  readonly logits: readonly (readonly number[])[][];
  readonly skipped: readonly string[];
}

export type PredictMessage = LogitsMessage | ScanMessage;

serveScans<PredictTask, LogitsMessage>(predictScans);

async function predictScans(
  engine: Engine,
  task: PredictTask,
  context: WorkerContext<PredictMessage>,
): Promise<boolean> {
  const networks = task.weights.map((bytes) =>
    restoreNetwork(task.network, engine.ops, decodeSafetensors(bytes).tensors)
  );
  try {
    return await eachScan(task, await scanReader(task), context, async (volume, index) => {
      const logits: number[][][] = networks.map(() => []);
      for (const [i, network] of networks.entries()) {
        for (const pass of passesOf(task, task.scans[index]!)) {
          logits[i]!.push(await logitsOf(network, volume, pass));
          await new Promise((resolve) => setTimeout(resolve)); // lets a stop message in
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
