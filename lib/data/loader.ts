/**
 * Batches of volumes, in an order that depends on nothing but the seed and the position: epoch `e`, batch `b` holds the
 * same scans with the same reflections however often the run was stopped. Volumes are read ahead in a Worker of their
 * own while the engine computes.
 */
import { ConfigError } from "../errors.ts";
import { randomStream } from "../random.ts";
import {
  applyAugmentation,
  type Augmentation,
  type AugmentationConfig,
  noAugmentation,
  sampleAugmentation,
} from "./augment.ts";
import { type Mix, mixVoxels, sampleMixes } from "./mixup.ts";
import type { Scan, VolumeSize } from "./types.ts";

/** One scan's place in a batch; `scan` indexes the list that the loader was opened with. */
export interface BatchItem {
  readonly scan: number;
  readonly augmentation: Augmentation;
  /** Blended with another item of the batch, after both were augmented. */
  readonly mix?: Mix;
}

/** What an epoch's random draws depend on. */
export interface TrainingPlan extends AugmentationConfig {
  readonly seed: number;
  readonly epoch: number;
  /** α of mixup; 0 = off (default). */
  readonly mixup?: number;
}

export interface EpochPlanOptions {
  readonly scans: readonly Pick<Scan, "key">[];
  readonly batchSize: number;
  /** Left out for evaluation: scans in their own order, no augmentation, the last batch may be smaller. */
  readonly training?: TrainingPlan;
  /** Reflect scans of an evaluation at random, as the 2022 program did with its validation scans. */
  readonly reflectEvaluation?: Pick<TrainingPlan, "seed" | "epoch" | "reflection">;
}

/**
 * The batches of one epoch. Training: shuffled anew each epoch, the last partial batch dropped (as fastai does), each
 * scan's augmentation drawn from its own stream so that it does not depend on the batch it falls into; the blending of
 * mixup from a stream of its batch.
 */
export function planEpoch({ scans, batchSize, training, reflectEvaluation }: EpochPlanOptions): BatchItem[][] {
  const indices = scans.map((_, index) => index);
  const order = training === undefined
    ? indices
    : randomStream(training.seed, "shuffle", training.epoch).shuffle(indices);
  const items = order.map((scan): BatchItem => {
    if (training === undefined) return { scan, augmentation: evaluationView(scans[scan]!.key, reflectEvaluation) };
    const stream = randomStream(training.seed, "augment", training.epoch, scans[scan]!.key);
    return { scan, augmentation: sampleAugmentation(stream, training) };
  });
  const batches: BatchItem[][] = [];
  for (let start = 0; start < items.length; start += batchSize) batches.push(items.slice(start, start + batchSize));
  if (training === undefined) return batches;
  if ((batches.at(-1)?.length ?? batchSize) < batchSize) batches.pop();
  return batches.map((batch, index) => mixedBatch(batch, index, training));
}

function evaluationView(key: string, reflect: EpochPlanOptions["reflectEvaluation"]): Augmentation {
  if (reflect === undefined) return noAugmentation;
  const { seed, epoch, reflection } = reflect;
  return sampleAugmentation(randomStream(seed, "augment", epoch, key), { reflection });
}

function mixedBatch(batch: BatchItem[], index: number, { seed, epoch, mixup = 0 }: TrainingPlan): BatchItem[] {
  if (mixup === 0) return batch;
  const mixes = sampleMixes(randomStream(seed, "mixup", epoch, index), batch.length, mixup);
  return batch.map((item, i) => mixes[i] === undefined ? item : { ...item, mix: mixes[i] });
}

/** Where voxels come from: a Worker that reads the cache, or anything else in tests. */
export interface VolumeSource {
  /** float32, C order, D·H·W values. The caller may keep the array but must not write to it. */
  read(scan: Scan): Promise<Float32Array>;
  close(): void;
}

export interface LoaderOptions {
  readonly source: VolumeSource;
  readonly size: VolumeSize;
  /** Batches read ahead of the one being computed (default 3). */
  readonly prefetch?: number;
  /** Volumes stay in memory as long as they fit in this many bytes (default 1 GiB). */
  readonly keepBytes?: number;
}

/** A batch ready for upload. */
export interface Batch {
  /** Position within the epoch. */
  readonly index: number;
  readonly items: readonly BatchItem[];
  /** float32 [N, D, H, W, 1]. */
  readonly voxels: Float32Array;
  readonly shape: [number, number, number, number, number];
}

export class Loader {
  readonly #source: VolumeSource;
  readonly #size: VolumeSize;
  readonly #prefetch: number;
  readonly #keepScans: number;
  readonly #kept = new Map<string, Float32Array>();
  #waitedMs = 0;

  constructor({ source, size, prefetch = 3, keepBytes = 2 ** 30 }: LoaderOptions) {
    this.#source = source;
    this.#size = size;
    this.#prefetch = prefetch;
    this.#keepScans = Math.floor(keepBytes / (4 * size.depth * size.height * size.width));
  }

  /** Seconds that callers of `batches` waited for data since the last call of this function. */
  takeStallSeconds(): number {
    const seconds = this.#waitedMs / 1000;
    this.#waitedMs = 0;
    return seconds;
  }

  /** Yields the planned batches from position `start` on; reading runs at most `prefetch` batches ahead. */
  async *batches(scans: readonly Scan[], plan: readonly BatchItem[][], start = 0): AsyncGenerator<Batch, void, void> {
    const pending: Promise<Batch>[] = [];
    let next = start;
    try {
      for (let index = start; index < plan.length; index++) {
        while (next < plan.length && next <= index + this.#prefetch) pending.push(this.#load(scans, plan, next++));
        const asked = performance.now();
        const batch = await pending.shift()!;
        this.#waitedMs += performance.now() - asked;
        yield batch;
      }
    } finally {
      await Promise.allSettled(pending);
    }
  }

  close(): void {
    this.#kept.clear();
    this.#source.close();
  }

  #load(scans: readonly Scan[], plan: readonly BatchItem[][], index: number): Promise<Batch> {
    const batch = this.#assemble(scans, plan[index]!, index);
    batch.catch(() => {}); // an error is reported when its turn comes, not while an earlier batch is computed
    return batch;
  }

  async #assemble(scans: readonly Scan[], items: readonly BatchItem[], index: number): Promise<Batch> {
    const { depth, height, width } = this.#size;
    const voxelsEach = depth * height * width;
    const volumes = await Promise.all(items.map((item) => this.#volume(scans[item.scan]!)));
    const voxels = new Float32Array(items.length * voxelsEach);
    volumes.forEach((volume, i) => {
      if (volume.length !== voxelsEach) {
        throw new ConfigError("loader.size", `a volume does not have the size of this run`, {
          file: scans[items[i]!.scan]!.folder,
          expected: `${depth}×${height}×${width} = ${voxelsEach} voxels`,
          found: `${volume.length}`,
        });
      }
      applyAugmentation(
        volume,
        width,
        items[i]!.augmentation,
        voxels.subarray(i * voxelsEach, (i + 1) * voxelsEach),
      );
    });
    const mixed = items.some(({ mix }) => mix !== undefined);
    return {
      index,
      items,
      voxels: mixed ? mixVoxels(voxels, voxelsEach, items.map(({ mix }) => mix)) : voxels,
      shape: [items.length, depth, height, width, 1],
    };
  }

  async #volume(scan: Scan): Promise<Float32Array> {
    const kept = this.#kept.get(scan.key);
    if (kept !== undefined) return kept;
    const volume = await this.#source.read(scan);
    if (this.#kept.size < this.#keepScans) this.#kept.set(scan.key, volume);
    return volume;
  }
}
