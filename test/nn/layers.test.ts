/** Layers one by one: values, gradients, ownership. The convolution and batch norm kernels are tested with the engines. */
import { expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import { BatchNorm } from "../../lib/nn/batch_norm.ts";
import { Dropout } from "../../lib/nn/dropout.ts";
import { dropoutSource, type Layer, sequence, type TrainingContext } from "../../lib/nn/layer.ts";
import { Linear } from "../../lib/nn/linear.ts";
import { globalPool } from "../../lib/nn/pool.ts";
import { Relu } from "../../lib/nn/relu.ts";
import { float32Tensor } from "../../lib/nn/safetensors.ts";
import { ParameterStore } from "../../lib/nn/state.ts";
import * as tf from "../../lib/tf.ts";
import { allEngines, describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled } from "../support/hash_fill.ts";
import { oracle } from "../support/oracles.ts";

describeEngines("layers", (engine) => {
  const context = (): TrainingContext => ({
    ops: engine().ops,
    dropout: dropoutSource(7, 3),
    updateStatistics: true,
  });

  /** Forward and backward of a layer on host values; checks that inference agrees and that nothing is left behind. */
  async function run<In extends tf.Tensor, Out extends tf.Tensor>(layer: Layer<In, Out>, x: In, dy: Out) {
    const before = tf.memory().numTensors;
    const inferred = layer.infer(tf.clone(x), { ops: engine().ops });
    const recorded = layer.record(tf.clone(x), context());
    const y = await recorded.y.data() as Float32Array;
    expectClose(await inferred.data(), y, 1e-6, 1e-6);
    tf.dispose([inferred, recorded.y]);
    const made: Record<string, tf.Tensor> = {}, gradients: Record<string, Float32Array> = {};
    const dx = recorded.backward(tf.clone(dy), ({ name }, gradient) => made[name] = gradient);
    for (const [name, gradient] of Object.entries(made)) gradients[name] = await gradient.data() as Float32Array;
    tf.dispose(made);
    const result = { y, dx: await dx.data() as Float32Array, gradients };
    dx.dispose();
    const released = layer.record(tf.clone(x), context());
    released.y.dispose();
    released.release();
    expect(tf.memory().numTensors).toBe(before);
    return result;
  }

  test("global average pooling", async () => {
    const x = tf.tensor5d([1, 10, 2, 20, 3, 30, 4, 40], [1, 1, 2, 2, 2]);
    const { y, dx } = await run(globalPool("average"), x, tf.tensor2d([[4, 8]]));
    expect([...y]).toEqual([2.5, 25]);
    expect([...dx]).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
  });

  test("global max pooling: the gradient goes to the first maximum", async () => {
    const x = tf.tensor5d([1, 40, 5, 20, 5, 30, 4, 40, 0, 0, 0, 0, 0, 0, 0, 0], [2, 1, 2, 2, 2]);
    const { y, dx } = await run(globalPool("max"), x, tf.tensor2d([[3, 7], [1, 2]]));
    expect([...y]).toEqual([5, 40, 0, 0]);
    expect([...dx]).toEqual([0, 7, 3, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0]);
  });

  test("ReLU: no gradient at zero", async () => {
    const { y, dx } = await run(new Relu<tf.Tensor2D>(), tf.tensor2d([[-1, 0, 2]]), tf.tensor2d([[5, 6, 7]]));
    expect([...y]).toEqual([0, 0, 2]);
    expect([...dx]).toEqual([0, 0, 7]);
  });

  test("linear layers, one after the other", async () => {
    const store = new ParameterStore(undefined);
    const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
    const first = new Linear(store.matrix("a.weight", [2, 3], zeros), store.vector("a.bias", 2, zeros));
    const second = new Linear(store.matrix("b.weight", [1, 2], zeros));
    store.write(
      new Map([
        ["a.weight", float32Tensor([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6))],
        ["a.bias", float32Tensor([2], Float32Array.of(10, 20))],
        ["b.weight", float32Tensor([1, 2], Float32Array.of(1, -1))],
      ]),
    );
    const x = tf.tensor2d([[1, 0, -1], [2, 1, 0]]);
    const { y, dx, gradients } = await run(sequence([first, second]), x, tf.tensor2d([[1], [2]]));
    expect([...y]).toEqual([8 - 18, 14 - 33]);
    expect([...dx]).toEqual([-3, -3, -3, -6, -6, -6]);
    expect(Object.fromEntries(Object.entries(gradients).map(([name, values]) => [name, [...values]]))).toEqual({
      "b.weight": [8 + 28, 18 + 66],
      "a.weight": [5, 2, -1, -5, -2, 1],
      "a.bias": [3, -3],
    });
    store.dispose();
  });

  test("dropout: element-wise, the same mask forward and back, nothing at inference", async () => {
    const layer = new Dropout<tf.Tensor2D>(0.25, 2);
    const x = tf.ones<tf.Rank.R2>([8, 100]);
    const recorded = layer.record(tf.clone(x), context());
    const y = await recorded.y.data();
    const dx = await recorded.backward(tf.clone(x), () => {}).data();
    expect([...dx]).toEqual([...y]);
    expect(new Set(y).size).toBe(2);
    expect(y.filter((value) => value === 0).length / 800).toBeCloseTo(0.25, 1);
    expect([...await layer.infer(tf.clone(x), { ops: engine().ops }).data()]).toEqual([...await x.data()]);
    const again = await layer.record(tf.clone(x), context()).y.data();
    expect([...again]).toEqual([...y]);
    const others = [new Dropout<tf.Tensor2D>(0.25, 3), layer];
    const sources = [dropoutSource(7, 3), dropoutSource(7, 4)];
    for (const [index, other] of others.entries()) {
      const mask = await other.record(tf.clone(x), { ...context(), dropout: sources[index]! }).y.data();
      expect([...mask]).not.toEqual([...y]);
    }
    await run(new Dropout<tf.Tensor2D>(0, 0), x, x);
  });

  test("batch norm: values and running statistics of PyTorch", async () => {
    const { inputs, expected } = oracle("bn.train");
    const before = tf.memory().numTensors;
    const store = new ParameterStore(0);
    const norm = new BatchNorm(store.batchNorm("bn", 1));
    const x = tf.tensor5d(inputs.x, [1, 1, 2, 2, 1]);
    const recorded = norm.record(tf.clone(x), { relu: false }, context());
    expectClose(await recorded.y.data(), expected.y, 1e-6, 1e-6);
    const state = await store.read();
    expectClose(state.get("bn.running_mean")!.data as Float32Array, expected.running_mean, 1e-7, 1e-6);
    expectClose(state.get("bn.running_var")!.data as Float32Array, expected.running_var, 1e-7, 1e-6);
    expect(state.get("bn.num_batches_tracked")!.data).toEqual(BigInt64Array.of(1n));
    recorded.release();
    const again = norm.record(x, { relu: false }, { ...context(), updateStatistics: false });
    again.release();
    expect(await store.read()).toEqual(state);
    tf.dispose([recorded.y, again.y]);
    store.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("batch norm of one value per channel is refused by name", () => {
    const store = new ParameterStore(0);
    const norm = new BatchNorm(store.batchNorm("layer4.0.0.conv1.1", 3));
    const x = tf.tensor5d(hashFilled([3], 0), [1, 1, 1, 1, 3]);
    expect(() => norm.record(x, { relu: true }, context())).toThrow(ConfigError);
    expect(() => norm.record(x, { relu: true }, context())).toThrow(/layer4\.0\.0\.conv1\.1\.weight/);
    x.dispose();
    store.dispose();
  });
}, allEngines);
