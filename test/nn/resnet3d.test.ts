/** The whole network against PyTorch's numbers, on every engine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { networkConfig } from "../../lib/nn/config.ts";
import { type Network, restoreNetwork } from "../../lib/nn/network.ts";
import type { EngineOps } from "../../lib/engine/types.ts";
import { ResNet3d } from "../../lib/nn/resnet3d.ts";
import type { StateDict } from "../../lib/nn/safetensors.ts";
import { cov3dLoss, toRows } from "../../lib/train/losses.ts";
import * as tf from "../../lib/tf.ts";
import { describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled, hashFillState } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

const tolerance = 1e-4; // float32 here, float64 there

let filled: StateDict | undefined;

/** Cov3d's r3d_18 with the oracles' weights. */
async function filledNetwork(ops: EngineOps, pool: "average" | "max"): Promise<Network> {
  const config = networkConfig({ model: "r3d_18", pool, dropout: 0 });
  if (filled === undefined) {
    const empty = new ResNet3d(config, ops);
    filled = hashFillState(await empty.stateDict());
    empty.dispose();
  }
  return restoreNetwork(config, ops, filled);
}

/** Mean, population standard deviation, first and last element in NCDHW order. */
function statistics(y: tf.Tensor): number[] {
  const values = y.dataSync() as Float32Array;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(variance), values[0]!, values[values.length - 1]!];
}

/** Euclidean norm in float64. */
function length(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

/** [1, 1, D, H, W] has the same order as [1, D, H, W, 1]. */
function input(shape: readonly number[], seed: number): tf.Tensor5D {
  const [n, c, d, h, w] = shape as [number, number, number, number, number];
  return tf.tensor5d(hashFilled(shape, seed, 0.5), [n, d, h, w, c]);
}

describeEngines("r3d_18 with Cov3d's head", (engine) => {
  for (const pool of ["average", "max"] as const) {
    describe(`${pool} pooling`, () => {
      let network: Network;
      beforeAll(async () => {
        network = await filledNetwork(engine().ops, pool);
      });
      afterAll(() => network.dispose());

      test("forward pass agrees with PyTorch in every stage", () => {
        const { inputs, expected } = oracle(pool === "average" ? "model.forward.avgpool" : "model.forward.maxpool");
        const found: Record<string, number[]> = {};
        const before = tf.memory().numTensors;
        const { logits } = network.forward(input(inputs.input_shape, inputs.seed_input), {
          observe: (stage, y) => found[stage] = statistics(y),
        });
        for (const [stage, values] of Object.entries<number[]>(expected.stage_stats)) {
          expectClose(found[stage]!, values, tolerance, tolerance);
        }
        expectClose(logits.dataSync(), expected.logits, tolerance, tolerance);
        logits.dispose();
        const x = input(inputs.input_shape, inputs.seed_input);
        const flipped = network.forward(tf.reverse(x, 3)).logits;
        expectClose(flipped.dataSync(), expected.logits_flipped_W, tolerance, tolerance);
        tf.dispose([flipped, x]);
        expect(tf.memory().numTensors).toBe(before);
      });
    });
  }

  test("training step agrees with PyTorch: loss, gradients, running statistics", async () => {
    const { inputs, expected } = oracle("model.train_step");
    const network = await filledNetwork(engine().ops, "max");
    const before = tf.memory().numTensors;
    const pass = network.forward(input([2, 1, 8, 32, 32], inputs.seed_input), { training: true, dropoutSeed: [0, 0] });
    const logits = toRows(await pass.logits.data(), 6);
    logits.forEach((row, i) => expectClose(row, expected.outputs[i], tolerance, tolerance));
    const { code2022: severity } = oracle("weights.severity").expected;
    const { loss, presenceLoss, severityLoss, dLogits } = cov3dLoss({
      logits,
      labels: [{ presence: true, severity: "moderate" }, { presence: false, severity: "undefined" }],
      severityFactor: 0.1,
      presenceSmoothing: 0.1,
      severitySmoothing: 0.1,
      weights: { presence: { positiveTerm: 1110 / 882, item: { positive: 1, negative: 1 } }, severity },
    });
    expectClose(
      [loss, presenceLoss!, severityLoss!],
      [expected.loss, expected.presence_loss, expected.severity_loss],
      0,
      tolerance,
    );
    pass.logits.dispose();
    const gradients = new Map<string, [norm: number, first: number]>();
    pass.backward(tf.tensor2d(dLogits), ({ name }, gradient) => {
      const values = gradient.dataSync();
      gradients.set(name, [length(values), values[0]!]);
      gradient.dispose();
    });
    expect([...gradients.keys()].sort()).toEqual(network.parameters.map(({ name }) => name).sort());
    for (const [name, values] of Object.entries<number[]>(expected.grads)) {
      // the first element may be a small difference of large terms: relative to the whole gradient
      expectClose(gradients.get(name)!, values, tolerance * values[0]!, tolerance);
    }
    const norm = Math.hypot(...[...gradients.values()].map(([value]) => value));
    expect(Math.abs(norm / expected.total_grad_norm - 1)).toBeLessThan(tolerance);

    const state = await network.stateDict();
    const first3 = (name: string) => (state.get(name)!.data as Float32Array).subarray(0, 3);
    expectClose(first3("stem.1.running_mean"), expected.running_mean_stem_first3, 1e-6, tolerance);
    expectClose(first3("stem.1.running_var"), expected.running_var_stem_first3, 1e-6, tolerance);
    expect(state.get("stem.1.num_batches_tracked")!.data).toEqual(BigInt64Array.of(1n));
    network.dispose();
    expect(tf.memory().numTensors).toBeLessThan(before);
  });
});
