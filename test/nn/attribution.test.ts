/** Gradients of logits at a stage's output, in inference mode: against PyTorch and against finite differences. */
import { expect, test } from "vitest";
import { networkConfig } from "../../lib/nn/config.ts";
import { createNetwork, type Network, stageNames } from "../../lib/nn/network.ts";
import type { Parameter } from "../../lib/nn/parameter.ts";
import * as tf from "../../lib/tf.ts";
import golden from "../fixtures/nn/attribution.json" with { type: "json" };
import { describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled, hashFillState } from "../support/hash_fill.ts";

const targets = { presence: 0, moderate: 2 } as const;
const [, , depth, height, width] = golden.input_shape as [number, number, number, number, number];
const input = () =>
  tf.tensor5d(hashFilled([1, depth, height, width, 1], golden.input_seed, 0.5), [1, depth, height, width, 1]);
const oneHot = (index: number) => tf.tensor2d([golden.logits.map((_, i) => Number(i === index))]);

async function filledNetwork(ops: Parameters<typeof createNetwork>[1], changes = {}): Promise<Network> {
  const network = createNetwork(networkConfig({ model: "tiny", ...golden.config, dropout: 0.3, ...changes }), ops, 0);
  network.loadStateDict(hashFillState(await network.stateDict()));
  return network;
}

/** [mean, population standard deviation, first, last] */
function statistics(values: Float32Array): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(variance), values[0]!, values.at(-1)!];
}

describeEngines("attribution", (engine) => {
  test("gradients at every stage are PyTorch's, and nothing is left behind", async () => {
    const network = await filledNetwork(engine().ops);
    const before = tf.memory().numTensors;
    for (const stage of stageNames) {
      for (const [target, index] of Object.entries(targets)) {
        const pass = network.attribute(input(), stage);
        expectClose(pass.logits.dataSync(), golden.logits, 1e-5, 1e-5);
        const gradient = pass.backward(oneHot(index));
        expect(gradient.shape).toEqual(pass.activation.shape);
        const expected = golden.stages[stage][target as keyof typeof targets];
        const scale = expected.gradient[1]!;
        const nchw = tf.transpose(gradient, [0, 4, 1, 2, 3]);
        expectClose(statistics(nchw.dataSync() as Float32Array), expected.gradient, 1e-4 * scale, 1e-4);
        const means = tf.mean(gradient, [0, 1, 2, 3]);
        expectClose(means.dataSync(), expected.channel_means, 1e-4 * scale, 1e-4);
        tf.dispose([pass.logits, pass.activation, gradient, nchw, means]);
      }
    }
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
  });

  for (const [model, pool] of [["tiny", "max"], ["r2plus1d_18", "average"]] as const) {
    test(`${model}, ${pool} pooling: raising a stage's output by its bias does what the gradient says`, async () => {
      const network = await filledNetwork(engine().ops, { model, pool });
      for (const stage of stageNames) {
        const bias = lastBias(network, stage);
        const pass = network.attribute(input(), stage);
        const gradient = pass.backward(oneHot(0));
        // dz/dβ of a channel: the sum over its voxels where the ReLU is open.
        const slopes = tf.tidy(() => tf.sum(tf.mul(gradient, tf.step(pass.activation)), [0, 1, 2, 3]).dataSync());
        tf.dispose([pass.logits, pass.activation, gradient]);
        const channel = slopes.map(Math.abs).indexOf(Math.max(...slopes.map(Math.abs)));
        // A long step crosses kinks of the ReLUs, a short one drowns in float32 rounding: one of them has to agree.
        const measured = [1e-2, 2e-3, 5e-4, 1e-4].map((step) => slope(network, bias, channel, step));
        const error = Math.min(...measured.map((value) => Math.abs(value / slopes[channel]! - 1)));
        expect(error, `${stage}: gradient ${slopes[channel]}, measured ${measured}`).toBeLessThan(0.03);
      }
      network.dispose();
    });
  }

  test("a pass that is released leaves nothing behind; running statistics stay as they are", async () => {
    const network = await filledNetwork(engine().ops);
    const state = await network.stateDict(), before = tf.memory().numTensors;
    const pass = network.attribute(input(), "layer3");
    pass.release();
    tf.dispose([pass.logits, pass.activation]);
    expect(tf.memory().numTensors).toBe(before);
    expect(await network.stateDict()).toEqual(state);
    network.dispose();
  });
});

/** β of the batch norm that ends a stage. */
function lastBias(network: Network, stage: string): Parameter {
  const names = (name: string) =>
    name.startsWith(`${stage}.`) && !name.includes("downsample") && name.endsWith(".bias");
  return network.parameters.findLast(({ name }) => names(name))!;
}

/** Central difference of the presence logit along one channel of β. */
function slope(network: Network, bias: Parameter, channel: number, step: number): number {
  const start = bias.value.dataSync() as Float32Array;
  const at = (change: number) => {
    bias.assign(tf.tensor1d(start.map((value, c) => c === channel ? value + change : value)));
    const { logits } = network.forward(input());
    const [z] = logits.dataSync();
    logits.dispose();
    return z!;
  };
  const difference = at(step) - at(-step);
  bias.assign(tf.tensor1d(start));
  return difference / (2 * step);
}
