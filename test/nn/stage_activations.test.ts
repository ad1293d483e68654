/** Activations by stage are those of the forward pass, and the stem's weights are the network's own. */
import { describe, expect, test } from "vitest";
import { networkConfig, stockConfig } from "../../lib/nn/config.ts";
import { stageShapes } from "../../lib/nn/cost.ts";
import { freshStem } from "../../lib/nn/fresh_stem.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import { stageActivations } from "../../lib/nn/stage_activations.ts";
import { randomStream } from "../../lib/random.ts";
import * as tf from "../../lib/tf.ts";
import { describeEngines } from "../support/engines.ts";

describeEngines("activations by stage", (engine) => {
  test("shapes as planned, logits of the forward pass, and nothing left behind", async () => {
    const network = createNetwork(networkConfig({ model: "tiny" }), engine().ops, 3);
    const stream = randomStream(1, "volume");
    const voxels = Float32Array.from({ length: 8 * 16 * 16 }, () => stream.uniform());
    const before = tf.memory().numTensors;
    const { stages, logits } = await stageActivations({ network, volume: { voxels, shape: [8, 16, 16] } });
    const { logits: direct } = network.forward(tf.tensor5d(voxels, [1, 8, 16, 16, 1]));
    expect(logits).toEqual([...await direct.data()]);
    direct.dispose();
    expect(tf.memory().numTensors).toBe(before);

    const planned = stageShapes(network.plan, { depth: 8, height: 16, width: 16 });
    expect(stages.map(({ stage }) => stage)).toEqual(["stem", "layer1", "layer2", "layer3", "layer4", "pool"]);
    for (const { stage, shape, values } of stages) {
      const [channels, ...size] = planned.get(stage)!;
      expect(shape).toEqual([...size, channels]);
      expect(values).toHaveLength(shape.reduce((product, n) => product * n, 1));
    }
    const pooled = stages.at(-1)!.values, last = stages.at(-2)!;
    const channels = pooled.length, positions = last.values.length / channels;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = 0; i < positions; i++) sum += last.values[i * channels + c]!;
      expect(pooled[c]).toBeCloseTo(sum / positions, 4); // global average pooling
    }
    network.dispose();
  });
});

describe("fresh stem", () => {
  test("what a stock network draws, without drawing the rest", () => {
    const { shape, data } = freshStem({ model: "r3d_18", seed: 7 });
    expect(shape).toEqual([64, 3, 3, 7, 7]);
    const values = [...data as Float32Array];
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(variance).toBeCloseTo(2 / (64 * 3 * 7 * 7), 5); // fan_out = out·kD·kH·kW
    expect(freshStem({ model: "r2plus1d_18", seed: 7 }).shape).toEqual([45, 3, 1, 7, 7]);
  });
});

describeEngines("fresh stem of a network", (engine) => {
  test("has the same bits", async () => {
    const network = createNetwork(
      { ...stockConfig("r3d_18"), blocks: [1, 1, 1, 1], widths: [64, 8, 8, 8] },
      engine().ops,
      7,
    );
    const state = await network.stateDict();
    expect(state.get("stem.0.weight")!.data).toEqual(freshStem({ model: "r3d_18", seed: 7 }).data);
    network.dispose();
  });
}, ["wasm"]);
