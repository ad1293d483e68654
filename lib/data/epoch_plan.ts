/**
 * Which scans make which batch, and how each is changed: an order that depends on nothing but the seed and the position.
 * Epoch `e`, batch `b` holds the same scans with the same reflections however often the run was stopped.
 */
import { randomStream } from "../random.ts";
import { type Augmentation, type AugmentationConfig, noAugmentation, sampleAugmentation } from "./augment.ts";
import { type Mix, sampleMixes } from "./mixup.ts";
import type { Scan } from "./types.ts";

/** One scan's place in a batch; `scan` indexes the list of scans that the plan was made for. */
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
