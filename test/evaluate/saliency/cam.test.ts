/** Class activation maps and occlusion against PyTorch and against plain loops. */
import { expect, test } from "vitest";
import {
  type CamMethod,
  camMethods,
  classActivationMap,
  defaultStage,
  parseStage,
  stageStride,
} from "../../../lib/evaluate/saliency/cam.ts";
import { occlusionMap, planOcclusion } from "../../../lib/evaluate/saliency/occlusion.ts";
import { targetOutput } from "../../../lib/evaluate/saliency/target.ts";
import { networkConfig } from "../../../lib/nn/config.ts";
import { createNetwork, type Network } from "../../../lib/nn/network.ts";
import { planNetwork } from "../../../lib/nn/plan.ts";
import * as tf from "../../../lib/tf.ts";
import golden from "../../fixtures/nn/attribution.json" with { type: "json" };
import { describeEngines, expectClose } from "../../support/engines.ts";
import { hashFilled, hashFillState } from "../../support/hash_fill.ts";

const [, , depth, height, width] = golden.input_shape as [number, number, number, number, number];
const voxels = hashFilled([1, depth, height, width, 1], golden.input_seed, 0.5);
const volume = { voxels, shape: [depth, height, width] } as const;

async function filledNetwork(ops: Parameters<typeof createNetwork>[1]): Promise<Network> {
  const network = createNetwork(networkConfig({ model: "tiny", ...golden.config, dropout: 0.3 }), ops, 0);
  network.loadStateDict(hashFillState(await network.stateDict()));
  return network;
}

describeEngines("saliency maps", (engine) => {
  test("Grad-CAM, HiResCAM and LayerCAM are PyTorch's", async () => {
    const network = await filledNetwork(engine().ops);
    const before = tf.memory().numTensors;
    for (const [target, output] of [["presence", 0], ["moderate", 2]] as const) {
      for (const method of camMethods) {
        const x = tf.tensor5d(voxels, [1, depth, height, width, 1]);
        const { map, logits } = await classActivationMap(network, x, {
          method,
          stage: "layer2",
          outputOf: () => output,
        });
        const expected = golden.maps[target][method as CamMethod];
        expect(map.shape).toEqual([4, 8, 8]);
        expect(map.stride).toEqual([2, 4, 4]);
        expectClose(map.values, expected, 1e-5 * Math.max(...expected), 1e-4);
        expectClose(logits, golden.logits, 1e-5, 1e-5);
      }
    }
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
  });

  test("occlusion: the drop of the logit when a cube is the volume's mean; batches change nothing", async () => {
    const network = await filledNetwork(engine().ops);
    const size = [4, 16, 16] as const, before = tf.memory().numTensors;
    const progress: number[] = [];
    const { map } = await occlusionMap(network, volume, () => 0, { size, batch: 7 }, {
      onProgress: ({ done, total }) => progress.push(done / total),
    });
    expect(map.shape).toEqual([3, 3, 3]);
    expect([map.stride, map.origin]).toEqual([[2, 8, 8], [1.5, 7.5, 7.5]]);
    expect(progress.at(-1)).toBe(1);
    const mean = voxels.reduce((sum, value) => sum + value, 0) / voxels.length;
    const filled = voxels.map((value, i) => {
      const x = i % width, y = Math.floor(i / width) % height, z = Math.floor(i / (width * height));
      return z >= 2 && z < 6 && y >= 0 && y < 16 && x >= 16 ? mean : value;
    });
    const { logits } = network.forward(tf.tensor5d(filled, [1, depth, height, width, 1]));
    expectClose([map.values[1 * 9 + 0 * 3 + 2]!], [golden.logits[0]! - logits.dataSync()[0]!], 1e-5, 1e-4);
    logits.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(occlusionMap(network, volume, () => 0, { size }, { signal: stop })).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
  });
});

test("strides follow the network's plan; the default stage has 16 cells along the width", () => {
  const r3d = planNetwork(networkConfig({ model: "r3d_18" })), mc3 = planNetwork(networkConfig({ model: "mc3_18" }));
  expect(stageStride(r3d, "stem")).toEqual([1, 2, 2]);
  expect(stageStride(r3d, "layer4")).toEqual([8, 16, 16]);
  expect(stageStride(mc3, "layer3")).toEqual([1, 8, 8]);
  expect([32, 64, 128, 256, 320].map((size) => defaultStage(r3d, size))).toEqual([
    "layer1",
    "layer2",
    "layer3",
    "layer4",
    "layer4",
  ]);
  expect(defaultStage(r3d, 8)).toBe("stem");
  expect(() => parseStage("layer5")).toThrow(/layer4/);
});

test("cubes reach both borders of every axis, whatever the sides", () => {
  for (const [shape, size, stride] of [[[7, 9, 5], [3, 4, 9], [2, 3, 1]], [[1, 8, 8], [1, 3, 3], [5, 5, 5]]] as const) {
    const plan = planOcclusion({ voxels: new Float32Array(shape[0] * shape[1] * shape[2]), shape }, { size, stride });
    for (const axis of [0, 1, 2] as const) {
      const starts = plan.axes[axis];
      expect(starts[0]).toBe(0);
      expect(starts.at(-1)! + plan.size[axis]).toBe(shape[axis]);
      starts.slice(1).forEach((start, i) => expect(start - starts[i]!).toBeLessThanOrEqual(plan.size[axis]));
    }
  }
});

test("a target is the presence logit, a grade's, or the predicted grade's", () => {
  const logits = [0.1, 3, 5, 4, 2, 9];
  expect(targetOutput({ task: "presence" }, logits)).toBe(0);
  expect(targetOutput({ task: "severity" }, logits)).toBe(2); // never "negative"
  expect(targetOutput({ task: "severity", grade: "critical" }, logits)).toBe(4);
  expect(targetOutput({ task: "severity", grade: "mild" }, [0, 0.7])).toBe(1);
  expect(() => targetOutput({ task: "severity" }, [0])).toThrow(/does not grade/);
});
