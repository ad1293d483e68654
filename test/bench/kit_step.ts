/** The kit's side of `bench step`: training steps of r3d_18 with the Cov3d head, when it is told to. */
import * as tf from "../../lib/tf.ts";
import { startEngine } from "../../lib/engine/registry.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import { presenceWeights, severityWeights } from "../../lib/train/class_weights.ts";
import { cov3dLoss, toRows } from "../../lib/train/losses.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import type { Label } from "../../lib/train/targets.ts";
import { settled } from "./settled.ts";
import { serveRounds } from "./side.ts";
import type { StepAnswer, StepReady, StepRequest } from "./step.ts";

interface Options {
  readonly engine: EngineName;
  readonly size: readonly [number, number, number];
  readonly batch: number;
  /** "fast" when left out. */
  readonly memory?: "fast" | "lean";
}

const { engine: name, size, batch, memory = "fast" } = JSON.parse(Deno.args[0] ?? "{}") as Options;
const engine = await startEngine(name);
const config = networkConfig({ model: "r3d_18", dropout: 0.5, outputs: 6 });
const network = createNetwork(config, engine.ops, 1);
const optimizer = new AdamW({ weightDecay: 0.01, ops: engine.ops });
/** Training set of the paper: the same weights as the peer's. */
const counts = { mild: 85, moderate: 62, severe: 85, critical: 26, negative: 1110, positive: 624 };
const weights = { presence: presenceWeights(counts), severity: severityWeights(counts) };
const labels = Array.from({ length: batch }, (_, i): Label => ({
  presence: i % 2 === 0,
  severity: i % 2 === 0 ? "moderate" : "undefined",
}));
const voxels = Float32Array.from({ length: batch * size[0] * size[1] * size[2] }, () => Math.random());
let steps = 0;

const { version, threads, device } = engine.describe();
const ready: StepReady = {
  version,
  threads,
  device: device.name,
  parameters: network.parameters.reduce((sum, parameter) => sum + parameter.size, 0),
};
await serveRounds<StepRequest, StepAnswer>(ready, async (request) => {
  const seconds: number[] = [];
  let loss = NaN;
  for (let i = 0; i < request.steps; i++) {
    const started = performance.now();
    loss = await trainingStep();
    await settled(engine, network.parameters[0]!.value);
    if (steps === 1) await engine.tune?.();
    seconds.push((performance.now() - started) / 1000);
  }
  const { deviceBytes } = engine.memory();
  return { seconds, loss, ...(deviceBytes ? { deviceBytes } : {}) };
});

/** Upload, forward, loss, backward, AdamW: the optimizer takes each gradient as it appears. */
async function trainingStep(): Promise<number> {
  const step = steps++;
  const x = tf.tensor5d(voxels, [batch, ...size, 1]);
  const pass = network.forward(x, { training: true, dropoutSeed: [1, step], memory });
  const logits = toRows(await pass.logits.data(), config.outputs);
  const { loss, dLogits } = cov3dLoss({
    logits,
    labels,
    weights,
    severityFactor: 0.5,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
  });
  pass.logits.dispose();
  pass.backward(tf.tensor2d(dLogits), (parameter, gradient) => {
    optimizer.apply(parameter, gradient, { lr: 1e-5, momentum: 0.95, step });
  });
  return loss;
}
