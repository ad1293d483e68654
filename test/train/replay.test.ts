/** A run against the same training written out as a plain loop: order, reflection, dropout, schedule, decay, moments. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCache } from "../../lib/data/cache.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { planEpoch } from "../../lib/data/epoch_plan.ts";
import { recipeFor } from "../../lib/data/size.ts";
import type { Engine } from "../../lib/engine/types.ts";
import { decodeSafetensors, type StateDict } from "../../lib/nn/safetensors.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import type { Parameter } from "../../lib/nn/parameter.ts";
import { deriveSeed } from "../../lib/random.ts";
import * as tf from "../../lib/tf.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import { classWeights } from "../../lib/train/class_weights.ts";
import { parseTrainConfig, type TrainConfig } from "../../lib/train/config.ts";
import { labelledSplits } from "../../lib/train/labels.ts";
import { cov3dLoss, toRows } from "../../lib/train/losses.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import { readRun } from "../../lib/train/run.ts";
import { oneCycle } from "../../lib/train/schedule.ts";
import { train } from "../../lib/train/train.ts";
import { validationCsv } from "../../lib/train/validation.ts";
import { describeEngines } from "../support/engines.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

/** [N, D, H, W, 1] of some scans; a reflection reverses W. */
async function volumes(config: TrainConfig, items: ReturnType<typeof planEpoch>[number], scans: readonly Scan[]) {
  const cache = await openCache({ recipe: recipeFor(config.data), directory: config.data.cache! });
  const { depth, height, width } = config.data.size;
  const each = await Promise.all(items.map(async ({ scan, augmentation }) => {
    const { voxels } = await cache.get(scans[scan]!);
    const x = tf.tensor4d(Float32Array.from(voxels), [depth, height, width, 1]);
    return augmentation.reflect ? tf.reverse(x, 2) : x;
  }));
  return tf.stack(each) as tf.Tensor5D;
}
type Scan = ReturnType<typeof labelledSplits>["train"][number];

interface Replay {
  readonly state: StateDict;
  readonly losses: readonly number[];
  /** Predictions of the last epoch. */
  readonly csv: string;
}

/** Weights after all epochs, and the loss of every step. Tensors are left to the end of the engine. */
async function plainLoop({ ops }: Engine, config: TrainConfig): Promise<Replay> {
  const splits = labelledSplits(await openDataset({ directory: config.data.directory })), scans = splits.train;
  const labels = scans.map(({ presence, severity }) => ({ presence: presence!, severity }));
  const { seed, epochs, batchSize, accumulate, reflection, loss: lossConfig } = config;
  const network = createNetwork(config.model, ops, deriveSeed(seed, "weights"));
  const optimizer = new AdamW({ weightDecay: config.optimizer.weightDecay, ops });
  const weights = classWeights(labels, lossConfig.severityFactor);
  const stepsPerEpoch = Math.floor(scans.length / batchSize / accumulate);
  const losses: number[] = [];
  let batches = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const plan = planEpoch({ scans, batchSize, training: { seed, epoch, reflection } });
    for (let first = 0; first < stepsPerEpoch * accumulate; first += accumulate) {
      const sums = new Map<Parameter, tf.Tensor>(), parts: number[] = [];
      for (const items of plan.slice(first, first + accumulate)) {
        const x = await volumes(config, items, scans);
        const pass = network.forward(x, { training: true, dropoutSeed: [seed, batches++] });
        const logits = toRows(pass.logits.dataSync(), config.model.outputs);
        const { loss, dLogits } = cov3dLoss({
          ...lossConfig,
          weights,
          logits,
          labels: items.map(({ scan }) => labels[scan]!),
        });
        parts.push(loss);
        pass.backward(tf.tensor2d(dLogits), (parameter, gradient) => {
          sums.set(parameter, sums.get(parameter)?.add(gradient) ?? gradient);
        });
      }
      const step = losses.length;
      const point = oneCycle(step, epochs * stepsPerEpoch, { lrMax: config.optimizer.learningRate });
      for (const [parameter, sum] of sums) optimizer.apply(parameter, sum.div(accumulate), { ...point, step });
      losses.push(parts.reduce((sum, loss) => sum + loss, 0) / accumulate);
    }
  }
  const logits: number[][] = [];
  for (const items of planEpoch({ scans: splits.validation, batchSize })) {
    const pass = network.forward(await volumes(config, items, splits.validation));
    logits.push(...toRows(pass.logits.dataSync(), config.model.outputs));
  }
  const csv = validationCsv(splits.validation, logits, lossConfig.severityFactor);
  return { state: await network.stateDict(), losses, csv };
}

describeEngines("a run and the same training as a plain loop", (engine, name) => {
  test("the same losses, schedule, weights and validation, bit for bit", async () => {
    await withTemporaryFolder(async (folder) => {
      const directory = await writeTinyDataset({ directory: join(folder, "data"), train: 5, validation: 2 });
      const config = parseTrainConfig({
        ...{ seed: 9, epochs: 3, batchSize: 2, accumulate: 2, reflection: 0.5, engine: name },
        model: { model: "tiny", dropout: 0.3 },
        optimizer: { learningRate: 3e-3, weightDecay: 0.1 },
        loss: { severityFactor: 0.4 },
        data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 } },
      });
      const out = join(folder, "run");
      await train({ config, out });
      const { steps, checkpointsFolder } = await readRun(out);
      const { files } = await readCheckpoint(checkpointsFolder, "last");
      const expected = await plainLoop(engine(), config);
      expect(steps.map(({ loss }) => loss)).toEqual(expected.losses);
      const schedule = steps.map((_, step) => oneCycle(step, steps.length, { lrMax: 3e-3 }));
      expect(steps.map(({ learningRate: lr, momentum }) => ({ lr, momentum }))).toEqual(schedule);
      expect(await Deno.readTextFile(join(out, "predictions-validation.csv"))).toBe(expected.csv);
      expect(decodeSafetensors(files.get("model.safetensors")!).tensors).toEqual(expected.state);
    });
  });
});
