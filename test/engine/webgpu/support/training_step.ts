/** One prediction and one training step of a small network: the same in Deno and in a browser. */
import { hashFilled } from "../../../support/hash_fill.ts";
import type { EngineOps } from "../../../../lib/engine/types.ts";
import { networkConfig } from "../../../../lib/nn/config.ts";
import { createNetwork } from "../../../../lib/nn/network.ts";
import * as tf from "../../../../lib/tf.ts";
import { classWeights } from "../../../../lib/train/class_weights.ts";
import { cov3dLoss, toRows } from "../../../../lib/train/losses.ts";
import { AdamW } from "../../../../lib/train/optimizer.ts";
import type { Label } from "../../../../lib/train/targets.ts";

export interface StepResult {
  /** Of inference, before the step. */
  readonly prediction: readonly number[];
  /** Of the training pass. */
  readonly logits: readonly number[];
  readonly loss: number;
  /** Weights and running statistics after the step, by torch name. */
  readonly state: Readonly<Record<string, readonly number[]>>;
}

const labels: readonly Label[] = [
  { presence: true, severity: "mild" },
  { presence: false, severity: "undefined" },
];

/** @param mark called after the prediction and after the step, before weights are read */
export async function trainingStep(ops: EngineOps, mark = () => {}): Promise<StepResult> {
  const config = networkConfig({ model: "tiny", widths: [4, 6, 8, 8], penultimate: 8, dropout: 0.2 });
  const network = createNetwork(config, ops, 1), optimizer = new AdamW({ weightDecay: 0.01, ops });
  const shape: [number, number, number, number, number] = [2, 8, 24, 24, 1];
  const values = hashFilled(shape, 1), volume = () => tf.tensor5d(values, shape);
  const inference = network.forward(volume());
  const prediction = [...await inference.logits.data()];
  mark();
  const pass = network.forward(volume(), { training: true, dropoutSeed: [1, 0] });
  const logits = [...await pass.logits.data()];
  const { loss, dLogits } = cov3dLoss({
    logits: toRows(logits, config.outputs),
    labels,
    severityFactor: 0.5,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
    weights: classWeights(labels, 0.5),
  });
  const update = { lr: 1e-3, momentum: 0.9, step: 0 };
  pass.backward(tf.tensor2d(dLogits), (parameter, gradient) => optimizer.apply(parameter, gradient, update));
  mark();
  const state: Record<string, number[]> = {};
  for (const [name, { dtype, data }] of await network.stateDict()) if (dtype === "F32") state[name] = [...data];
  tf.dispose([inference.logits, pass.logits]);
  optimizer.dispose();
  network.dispose();
  return { prediction, logits, loss, state };
}
