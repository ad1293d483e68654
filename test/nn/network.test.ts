/** Small networks of every kind: names, seeds, gradients by finite differences, memory, recomputation. */
import { expect, test } from "vitest";
import { RunError } from "../../lib/errors.ts";
import { type ModelName, networkConfig, stockConfig } from "../../lib/nn/config.ts";
import { countParameters } from "../../lib/nn/cost.ts";
import { createNetwork, type Network, restoreNetwork, type TrainingOptions } from "../../lib/nn/network.ts";
import type { Parameter } from "../../lib/nn/parameter.ts";
import { ResNet3d } from "../../lib/nn/resnet3d.ts";
import { float32Tensor, type StateDict } from "../../lib/nn/safetensors.ts";
import { sumStemChannels } from "../../lib/nn/stem_weights.ts";
import { cov3dLoss, type Cov3dLossConfig, toRows } from "../../lib/train/losses.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import * as tf from "../../lib/tf.ts";
import { describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

const small = (model: ModelName, changes = {}) =>
  networkConfig({ model, widths: [4, 6, 6, 8], blocks: [1, 2, 1, 1], penultimate: 8, dropout: 0.3, ...changes });

const shape = [2, 16, 24, 24, 1] as const; // layer4 still has 16 values per channel to normalise
const volume = (seed = 3) => tf.tensor5d(hashFilled(shape, seed, 0.5), [...shape]);

const lossConfig: Cov3dLossConfig = {
  severityFactor: 0.5,
  presenceSmoothing: 0.1,
  severitySmoothing: 0.1,
  weights: {
    presence: { positiveTerm: 1.2, item: { positive: 1, negative: 1 } },
    severity: { mild: 1, moderate: 2, severe: 1, critical: 2, negative: 0.5, positive: 1 },
  },
};

function lossOf(logits: tf.Tensor2D) {
  const labels = [{ presence: true, severity: "undefined" }, { presence: false, severity: "undefined" }] as const;
  return cov3dLoss({ ...lossConfig, logits: toRows(logits.dataSync(), 6), labels });
}

const frozen: TrainingOptions = { training: true, dropoutSeed: [5, 1], updateStatistics: false };

/** Loss and, per parameter, its gradient in the engine's layout. */
function gradients(network: Network, options: TrainingOptions = frozen) {
  const pass = network.forward(volume(), options);
  const { loss, dLogits } = lossOf(pass.logits);
  pass.logits.dispose();
  const found = new Map<string, Float32Array>();
  pass.backward(tf.tensor2d(dLogits), ({ name }, gradient) => {
    found.set(name, gradient.dataSync() as Float32Array);
    gradient.dispose();
  });
  return { loss, gradients: found };
}

describeEngines("network", (engine) => {
  // tiny is r3d_18 but for its width
  for (
    const [model, pool] of [["tiny", "average"], ["tiny", "max"], ["mc3_18", "max"], [
      "r2plus1d_18",
      "average",
    ]] as const
  ) {
    test(`${model}, ${pool} pooling: gradients are the finite differences of the loss`, () => {
      const network = createNetwork(small(model, { pool }), engine().ops, 2);
      const before = tf.memory().numTensors;
      const { gradients: found } = gradients(network);
      expect(tf.memory().numTensors).toBe(before);
      expect([...found.keys()].sort()).toEqual(network.parameters.map(({ name }) => name).sort());
      const measured = network.parameters.filter((each) => checkDirection(network, each, found.get(each.name)!));
      expect(measured.length / network.parameters.length).toBeGreaterThan(0.75); // a lost gradient would look flat, too
      network.dispose();
    });
  }

  /**
   * The slope along the gradient is the gradient's length. A long step crosses kinks of the ReLUs, a short one drowns in
   * float32 rounding: one of the three has to agree. False where the gradient is too small to measure.
   */
  function checkDirection(network: Network, parameter: Parameter, gradient: Float32Array): boolean {
    const length = Math.hypot(...gradient);
    if (length < 1e-2) return false;
    const start = parameter.value.clone();
    const lossAt = (distance: number) => {
      const direction = tf.tensor(gradient, start.shape as number[]);
      parameter.assign(tf.tidy(() => tf.add(start, tf.mul(direction, distance / length))));
      const pass = network.forward(volume(), frozen);
      const { loss } = lossOf(pass.logits);
      pass.release();
      tf.dispose([pass.logits, direction]);
      return loss;
    };
    const slopes: number[] = [];
    const agrees = [1e-3, 2e-4, 4e-3].some((size) => {
      const step = size / Math.max(1, length);
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      slopes.push(slope);
      return Math.abs(slope / length - 1) < 0.05;
    });
    parameter.assign(start);
    expect(agrees, `${parameter.name}: gradient ${length}, slopes ${slopes}`).toBe(true);
    return true;
  }

  test("a pass without updating statistics can be run again and gives the same bits", async () => {
    const network = createNetwork(small("r3d_18"), engine().ops, 4);
    const state = await network.stateDict();
    const first = gradients(network);
    const second = gradients(network);
    expect(second).toEqual(first);
    expect(await network.stateDict()).toEqual(state);
    gradients(network, { ...frozen, updateStatistics: true });
    expect(await network.stateDict()).not.toEqual(state);
    network.dispose();
  });

  test("training keeps the number of tensors; updating weights as gradients appear changes nothing", () => {
    const immediate = createNetwork(small("tiny"), engine().ops, 1);
    const collected = createNetwork(small("tiny"), engine().ops, 1);
    const { ops } = engine();
    const optimizers = [new AdamW({ weightDecay: 0.01, ops }), new AdamW({ weightDecay: 0.01, ops })] as const;
    let counted: number | undefined;
    for (let step = 0; step < 4; step++) {
      const at = { lr: 0.01, momentum: 0.9, step };
      const losses = [immediate, collected].map((network, index) => {
        const later: [Parameter, tf.Tensor][] = [];
        const pass = network.forward(volume(), { training: true, dropoutSeed: [0, step] });
        const { loss, dLogits } = lossOf(pass.logits);
        pass.logits.dispose();
        pass.backward(tf.tensor2d(dLogits), (parameter, gradient) => {
          if (index === 0) optimizers[0].apply(parameter, gradient, at);
          else later.push([parameter, gradient]);
        });
        for (const [parameter, gradient] of later) optimizers[1].apply(parameter, gradient, at);
        return loss;
      });
      expect(losses[0]).toBe(losses[1]);
      counted ??= tf.memory().numTensors;
      expect(tf.memory().numTensors).toBe(counted);
    }
    for (const thing of [immediate, collected, ...optimizers]) thing.dispose();
  });

  test("inference leaves nothing behind, and Monte-Carlo dropout draws by its seed", () => {
    const network = createNetwork(small("tiny"), engine().ops, 1);
    const before = tf.memory().numTensors;
    const logits = (options = {}) => {
      const pass = network.forward(volume(), options);
      const values = pass.logits.dataSync();
      pass.logits.dispose();
      return [...values];
    };
    const plain = logits();
    expect(logits()).toEqual(plain);
    const sample = logits({ dropoutSeed: [1, 0] });
    expect(sample).not.toEqual(plain);
    expect(logits({ dropoutSeed: [1, 0] })).toEqual(sample);
    expect(logits({ dropoutSeed: [1, 1] })).not.toEqual(sample);
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
  });

  test("a released pass leaves nothing behind", () => {
    const network = createNetwork(small("r2plus1d_18"), engine().ops, 1);
    const before = tf.memory().numTensors;
    const pass = network.forward(volume(), frozen);
    pass.logits.dispose();
    pass.release();
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
    expect(tf.memory().numTensors).toBeLessThan(before);
  });

  test("saved weights come back with the same bits", async () => {
    const config = small("r2plus1d_18");
    const network = createNetwork(config, engine().ops, 9);
    gradients(network, { ...frozen, updateStatistics: true });
    const state = await network.stateDict();
    const copy = restoreNetwork(config, engine().ops, state);
    expect(await copy.stateDict()).toEqual(state);
    const [a, b] = [network, copy].map((each) => each.forward(volume()).logits);
    expect(b!.dataSync()).toEqual(a!.dataSync());
    tf.dispose([a!, b!]);
    network.dispose();
    copy.dispose();
  });

  test("a volume of one channel through summed stem weights is what three equal channels give", async () => {
    const three = createNetwork(small("tiny", { inputChannels: 3 }), engine().ops, 9);
    const state = new Map(await three.stateDict());
    state.set("stem.0.weight", sumStemChannels(state.get("stem.0.weight")!));
    const one = restoreNetwork(small("tiny"), engine().ops, state);
    const x = volume();
    const expected = three.forward(tf.concat([x, x, x], 4)).logits.dataSync();
    expectClose(one.forward(x).logits.dataSync(), expected, 1e-5, 1e-4);
    three.dispose();
    one.dispose();
  });
});

describeEngines("names and initial weights", (engine) => {
  const namesAndShapes = (state: StateDict) => Object.fromEntries([...state].map(([name, { shape }]) => [name, shape]));

  test("torchvision's state_dict, names, order and shapes", async () => {
    const { keys_shapes: shapes, state_dict_entries, buffers } = oracle("model.r3d_18.stock").expected;
    const network = new ResNet3d(stockConfig("r3d_18"), engine().ops);
    const state = await network.stateDict();
    expect(namesAndShapes(state)).toEqual(shapes);
    expect([...state.keys()]).toEqual(Object.keys(shapes));
    expect(state.size).toBe(state_dict_entries);
    expect(network.buffers.length).toBe(buffers);
    network.dispose();
  });

  test("Cov3d's state_dict", async () => {
    const { keys_combined_6out: shapes } = oracle("model.cov3d.params").expected;
    const network = new ResNet3d(networkConfig({ model: "r3d_18" }), engine().ops);
    const state = await network.stateDict();
    const tracked = [...state].filter(([name]) => !name.endsWith("num_batches_tracked"));
    expect(namesAndShapes(new Map(tracked))).toEqual(shapes);
    expect(tracked.map(([name]) => name)).toEqual(Object.keys(shapes));
    const decayed = network.parameters.filter(({ decay }) => decay).reduce((sum, { size }) => sum + size, 0);
    expect(decayed).toBe(countParameters(network.plan).decayed);
    network.dispose();
  });

  test("factored convolutions have torchvision's names", async () => {
    const network = new ResNet3d(small("r2plus1d_18", { variant: "stock", finalBias: true }), engine().ops);
    const names = [...(await network.stateDict()).keys()];
    for (
      const name of [
        "stem.0.weight",
        "stem.1.running_var",
        "stem.3.weight",
        "stem.4.bias",
        "layer1.0.conv1.0.0.weight",
        "layer1.0.conv1.0.1.weight",
        "layer1.0.conv1.0.3.weight",
        "layer1.0.conv1.1.weight",
        "layer2.0.downsample.0.weight",
        "fc.bias",
      ]
    ) expect(names).toContain(name);
    network.dispose();
  });

  test("with fewer widths the last stages are left out; a stage that is not there is refused", async () => {
    const four = createNetwork(small("tiny"), engine().ops, 1);
    const two = createNetwork(small("tiny", { widths: [4, 6], blocks: [1, 2] }), engine().ops, 1);
    const body = (network: typeof two) =>
      network.stateDict().then((state) => [...state].filter(([name]) => name[0] !== "f"));
    const [long, short] = await Promise.all([four, two].map(body));
    expect(short!.map(([name]) => name)).toEqual(
      long!.map(([name]) => name).filter((name) => !/^layer[34]/.test(name)),
    );
    for (const [name, { data }] of short!) expect(new Map(long).get(name)!.data, name).toEqual(data);
    const pass = two.attribute(tf.ones<tf.Rank.R5>([1, 4, 16, 16, 1]), "layer2");
    expect(pass.activation.shape).toEqual([1, 2, 4, 4, 6]);
    tf.dispose([pass.activation, pass.logits, pass.backward(tf.onesLike(pass.logits))]);
    const x = tf.ones<tf.Rank.R5>([1, 4, 16, 16, 1]);
    expect(() => two.attribute(x, "layer3")).toThrow(/no such stage.*stem, layer1, layer2/s);
    x.dispose();
    for (const network of [four, two]) network.dispose();
  });

  test("initial weights depend on the seed and the name, and have PyTorch's spread", async () => {
    const config = small("tiny", { widths: [16, 32, 32, 32], penultimate: 64 });
    const [one, same, other] = await Promise.all([1, 1, 2].map(async (seed) => {
      const network = createNetwork(config, engine().ops, seed);
      const state = await network.stateDict();
      network.dispose();
      return state;
    }));
    expect(same).toEqual(one);
    expect(other!.get("fc.0.weight")).not.toEqual(one!.get("fc.0.weight"));
    const deviation = (name: string) => {
      const values = one!.get(name)!.data as Float32Array;
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    };
    // kaiming_normal_, fan_out: out·27 taps
    expect(deviation("layer3.0.0.conv2.0.weight")).toBeCloseTo(Math.sqrt(2 / (32 * 27)), 3);
    // U(−b, b) with b = 1/√fan_in has σ = b/√3
    expect(deviation("stem.0.weight")).toBeCloseTo(1 / Math.sqrt(147 * 3), 2);
    expect(deviation("fc.0.weight")).toBeCloseTo(1 / Math.sqrt(32 * 3), 2);
    const stem = one!.get("stem.0.weight")!.data as Float32Array;
    expect(Math.max(...stem.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(147));
    expect(new Set(one!.get("stem.1.weight")!.data as Float32Array)).toEqual(new Set([1]));
    expect(new Set(one!.get("stem.1.running_mean")!.data as Float32Array)).toEqual(new Set([0]));
  });

  test("weights of another network are refused and change nothing", async () => {
    const network = createNetwork(small("tiny"), engine().ops, 1);
    const before = await network.stateDict();
    const altered = (change: (state: StateDict) => void) => {
      const state = new Map(before);
      state.set("fc.3.weight", float32Tensor([6, 8], new Float32Array(48)));
      change(state);
      return state;
    };
    const cases: [RegExp, (state: StateDict) => void][] = [
      [/missing: fc\.0\.bias/, (state) => state.delete("fc.0.bias")],
      [/unexpected: fc\.9\.weight/, (state) => state.set("fc.9.weight", float32Tensor([1], new Float32Array(1)))],
      [
        /expected F32 \[8\].*found F32 \[9\]/,
        (state) => state.set("fc.0.bias", float32Tensor([9], new Float32Array(9))),
      ],
      [/found I64/, (state) => state.set("fc.0.bias", { dtype: "I64", shape: [8], data: new BigInt64Array(8) })],
    ];
    for (const [message, change] of cases) {
      expect(() => network.loadStateDict(altered(change))).toThrow(RunError);
      expect(() => network.loadStateDict(altered(change))).toThrow(message);
      expect(() => restoreNetwork(small("tiny"), engine().ops, altered(change))).toThrow(message);
    }
    expect(await network.stateDict()).toEqual(before);
    network.loadStateDict(altered((state) => state.delete("stem.1.num_batches_tracked")));
    expect(await network.stateDict()).not.toEqual(before);
    network.dispose();
  });
});
