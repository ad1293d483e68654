/**
 * torchvision's three video networks: forward pass as they are, and one training step with Cov3d's changes, against
 * float64 PyTorch (test/fixtures/weights/make.py) to 1e-4 relative on every engine.
 */
import { expect, test, vi } from "vitest";
import { type ModelName, type NetworkConfig, networkConfig, stockConfig } from "../../lib/nn/config.ts";
import type { GradientSink } from "../../lib/nn/parameter.ts";
import { type Network, restoreNetwork } from "../../lib/nn/network.ts";
import type { StateDict, StateTensor } from "../../lib/nn/safetensors.ts";
import { stateShapes } from "../../lib/nn/state_shapes.ts";
import * as tf from "../../lib/tf.ts";
import { cov3dLoss, toRows } from "../../lib/train/losses.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import { describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled, hashFillState } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

/** Euclidean norm, and the dot product with a hashed vector. */
type Observed = readonly [norm: number, projection: number];

interface Golden {
  readonly stock: { readonly names: number; readonly logits: readonly number[] };
  readonly step: {
    readonly inputSeed: number;
    readonly logits: readonly (readonly number[])[];
    readonly loss: number;
    readonly parameters: Readonly<Record<string, Readonly<Record<"gradient" | "weight" | "change", Observed>>>>;
    readonly buffers: Readonly<Record<string, Observed>>;
  };
}

type InputNumber =
  | "stockInputSeed"
  | "projectionSeed"
  | "projectionLength"
  | "raisedBias"
  | "posWeight"
  | "learningRate"
  | "weightDecay"
  | "momentum";

const file = new URL("../fixtures/weights/parity.json", import.meta.url);
const { inputs, models } = JSON.parse(Deno.readTextFileSync(file)) as {
  inputs: Record<InputNumber, number> & {
    size: [number, number, number];
    groupWeights: number[];
  };
  models: Record<Exclude<ModelName, "tiny">, Golden>;
};

/** float32 here, float64 there. Measured on both engines: logits 6e-7, gradients 4e-5, updated weights 5e-5. */
const tolerance = 1e-4;
/**
 * What the step added to a weight: AdamW's first step is close to the gradient's sign, so that rounding of gradients
 * near zero shows here more than anywhere else. Measured: 1.2e-4.
 */
const changeTolerance = 5e-4;

/** Names as PyTorch's; batch norm biases are raised for the training step, for the reason that make.py gives. */
function filledState(config: NetworkConfig, raisedBias = 0): StateDict {
  const state = hashFillState(stateShapes(config));
  for (const [name, { data }] of state) {
    if (data instanceof Float32Array && state.has(name.replace(/bias$/, "running_var")) && name.endsWith(".bias")) {
      data.forEach((value, i) => data[i] = value + raisedBias);
    }
  }
  return state;
}

function observe(values: ArrayLike<number>, index: number): Observed {
  const vector = hashFilled([inputs.projectionLength], inputs.projectionSeed + index);
  let squares = 0, projection = 0;
  for (let i = 0, j = 0; i < values.length; i++) {
    const value = values[i]!;
    squares += value * value;
    projection += value * vector[j]!;
    if (++j === vector.length) j = 0;
  }
  return [Math.sqrt(squares), projection];
}

/** Norm relative to itself; the projection, which may be a small sum of large terms, relative to the norm. */
function errorOf([norm, projection]: Observed, [wantedNorm, wantedProjection]: Observed): number {
  return Math.max(Math.abs(norm / wantedNorm - 1), Math.abs(projection - wantedProjection) / wantedNorm);
}

const float32 = (tensor: StateTensor) => tensor.data as Float32Array;

/** Values in torch's layout, which the projections are defined in. */
function torchValues(value: tf.Tensor): Float32Array {
  if (value.rank !== 5) return value.dataSync() as Float32Array;
  const moved = tf.transpose(value, [4, 3, 0, 1, 2]);
  const values = moved.dataSync() as Float32Array;
  moved.dispose();
  return values;
}

vi.setConfig({ testTimeout: 240_000 }); // seconds on a machine of its own

describeEngines("parity with torchvision", (engine) => {
  for (const [model, golden] of Object.entries(models) as [keyof typeof models, Golden][]) {
    test(`${model}: logits of the stock network`, () => {
      const state = filledState(stockConfig(model));
      const network = restoreNetwork(stockConfig(model), engine().ops, state);
      expect(stateShapes(stockConfig(model)).size).toBe(golden.stock.names);
      const [d, h, w] = inputs.size;
      // [1, 3, D, H, W] as PyTorch has it → [1, D, H, W, 3]
      const torchInput = tf.tensor(hashFilled([1, 3, d, h, w], inputs.stockInputSeed, 0.5), [1, 3, d, h, w]);
      const input = tf.transpose(torchInput, [0, 2, 3, 4, 1]) as tf.Tensor5D;
      const { logits } = network.forward(input);
      const values = logits.dataSync();
      const largest = Math.max(...golden.stock.logits.map(Math.abs));
      expectClose(values, golden.stock.logits, tolerance * largest, 0);
      tf.dispose([logits, torchInput]);
      network.dispose();
    });

    test(`${model}: one training step with Cov3d's head`, async () => {
      const config = networkConfig({ model, dropout: 0 });
      const before = filledState(config, inputs.raisedBias);
      const network = restoreNetwork(config, engine().ops, before);
      const optimizer = new AdamW({ weightDecay: inputs.weightDecay, ops: engine().ops });
      const gradients = new Map<string, Float32Array>();
      const { loss, logits } = await trainingStep(network, golden.step.inputSeed, (parameter, gradient) => {
        gradients.set(parameter.name, torchValues(gradient));
        optimizer.apply(parameter, gradient, { lr: inputs.learningRate, momentum: inputs.momentum, step: 0 });
      });
      const after = await network.stateDict();
      logits.forEach((row, i) => expectClose(row, golden.step.logits[i]!, tolerance, tolerance));
      expect(Math.abs(loss / golden.step.loss - 1)).toBeLessThan(tolerance);

      expect([...gradients.keys()].sort()).toEqual(Object.keys(golden.step.parameters).sort());
      const worst: Record<string, [error: number, name: string]> = {};
      const check = (what: string, name: string, error: number) => {
        if (!(error <= (worst[what]?.[0] ?? -1))) worst[what] = [error, name];
      };
      Object.entries(golden.step.parameters).forEach(([name, wanted], index) => {
        const weight = float32(after.get(name)!), old = float32(before.get(name)!);
        check("gradient", name, errorOf(observe(gradients.get(name)!, index), wanted.gradient));
        check("weight", name, errorOf(observe(weight, index), wanted.weight));
        for (let i = 0; i < old.length; i++) old[i] = weight[i]! - old[i]!;
        check("change", name, errorOf(observe(old, index), wanted.change));
      });
      Object.entries(golden.step.buffers).forEach(([name, wanted], index) => {
        check("statistics", name, errorOf(observe(float32(after.get(name)!), index), wanted));
      });
      for (const [what, [error, name]] of Object.entries(worst)) {
        expect(error, `${what} of ${name}`).toBeLessThan(what === "change" ? changeTolerance : tolerance);
      }
      optimizer.dispose();
      network.dispose();
    });
  }
});

/** λ = 0.5, ε1 = ε2 = 0.1, a moderate scan and a negative one. */
async function trainingStep(
  network: Network,
  seed: number,
  sink: GradientSink,
): Promise<{ loss: number; logits: number[][] }> {
  const [d, h, w] = inputs.size;
  const input = tf.tensor5d(hashFilled([2, 1, d, h, w], seed, 0.5), [2, d, h, w, 1]);
  const pass = network.forward(input, { training: true, dropoutSeed: [0, 0] });
  const logits = toRows(await pass.logits.data(), 6);
  pass.logits.dispose();
  const { code2022: severity } = oracle("weights.severity").expected;
  const { loss, dLogits } = cov3dLoss({
    logits,
    labels: [{ presence: true, severity: "moderate" }, { presence: false, severity: "undefined" }],
    severityFactor: 0.5,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
    weights: { presence: { positiveTerm: inputs.posWeight, item: { positive: 1, negative: 1 } }, severity },
  });
  pass.backward(tf.tensor2d(dLogits), sink);
  return { loss, logits };
}
