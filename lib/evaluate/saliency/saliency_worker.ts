/** The saliency Worker: owns the engine, reads one scan ahead, and sends one map per scan. */
import type { LungCrop } from "../../data/lung_crop/crop.ts";
import type { LoadedVolume } from "../../data/read.ts";
import type { Engine } from "../../engine/types.ts";
import type { NetworkConfig } from "../../nn/config.ts";
import { createNetwork, type Network, restoreNetwork } from "../../nn/network.ts";
import { decodeSafetensors } from "../../nn/safetensors.ts";
import type { WorkerContext } from "../../worker.ts";
import { type ScanMessage, type ScanTask, type ScanVolumes, serveScans } from "../scan_worker.ts";
import type { ExplainedScan } from "./cam.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import { settleStatistics } from "./settle.ts";

export interface SaliencyTask extends ExplainOptions, ScanTask {
  readonly network: NetworkConfig;
  /** A safetensors file. */
  readonly weights: Uint8Array;
  /** One network with fresh weights for each, for comparison. */
  readonly randomSeeds: readonly number[];
  /** Let their batch norms meet the scans first. */
  readonly settleRandom: boolean;
}

type MapMessage =
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
  };

export type SaliencyMessage = MapMessage | ScanMessage;

serveScans<SaliencyTask, MapMessage>(() => Promise.resolve(explainScans));

async function explainScans(
  engine: Engine,
  task: SaliencyTask,
  context: WorkerContext<SaliencyMessage>,
  volumes: ScanVolumes,
): Promise<boolean> {
  const trained = restoreNetwork(task.network, engine.ops, decodeSafetensors(task.weights).tensors);
  const random = task.randomSeeds.map((seed) => createNetwork(task.network, engine.ops, seed));
  try {
    if (task.settleRandom && random.length > 0) await settle(random, task, volumes);
    return await volumes.each(context, async (volume, index) => {
      if (!(await explainScan([trained, ...random], volume, index, task, context))) return false;
      await new Promise((resolve) => setTimeout(resolve)); // lets a stop message in
      return true;
    });
  } finally {
    for (const network of [trained, ...random]) network.dispose();
  }
}

async function settle(
  networks: readonly Network[],
  { scans, recipe: { size } }: SaliencyTask,
  volumes: ScanVolumes,
): Promise<void> {
  const voxels = async (index: number) => (await volumes.read(scans[index % scans.length]!)).voxels;
  await settleStatistics(networks, [size.depth, size.height, size.width], voxels);
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
