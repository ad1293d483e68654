/**
 * A run that has diverged must not look healthy: NaN goes through every operation, ReLU included, up to the loss or the
 * weights, where it is found. max(NaN, 0) may be 0 on a GPU and in some instruction sets.
 */
import { expect, test } from "vitest";
import type { BatchNormOptions, EngineOps } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";
import { allEngines, describeEngines, tidied } from "../support/engines.ts";
import { hashFilled } from "../support/hash_fill.ts";

const geometry = { stride: [1, 1, 1], padding: [0, 0, 0] } as const;
const shapeOf = (channels: number): tf.Tensor5D["shape"] => [1, 2, 3, 3, channels];

/** Values of both signs, one of them replaced. */
function volume(channels: number, seed: number, bad?: { readonly at: number; readonly value: number }): tf.Tensor5D {
  const shape = shapeOf(channels), values = hashFilled(shape, seed);
  if (bad !== undefined) values[bad.at] = bad.value;
  return tf.tensor5d(values, shape);
}

const gammaOf = (channels: number) => tf.tensor1d(hashFilled([channels], 4, 1));
const betaOf = (channels: number) => tf.tensor1d(hashFilled([channels], 5));

/** Which channels have at least one value that is no number, and which have nothing else. */
async function channelsWithNaN(tensor: tf.Tensor, channels: number) {
  const values = [...await tensor.data()], indices = [...Array(channels).keys()];
  const of = (channel: number) => values.filter((_, i) => i % channels === channel);
  return {
    some: indices.filter((channel) => of(channel).some(Number.isNaN)),
    all: indices.filter((channel) => of(channel).every(Number.isNaN)),
  };
}

const inference = (ops: EngineOps, x: tf.Tensor5D, options: Omit<BatchNormOptions, "epsilon">) => {
  const channels = x.shape[4], mean = tf.zeros<tf.Rank.R1>([channels]), variance = tf.ones<tf.Rank.R1>([channels]);
  return ops.batchNormInference(x, gammaOf(channels), betaOf(channels), mean, variance, {
    epsilon: 1e-5,
    ...options,
  });
};

describeEngines("NaN goes through", (engine) => {
  // 8 channels are read four at a time, 3 one by one
  test.each([8, 3])("batch norm with ReLU in training, %i channels", async (channels) => {
    await tidied(async () => {
      for (const value of [NaN, Infinity]) {
        const x = volume(channels, 1, { at: channels + 1, value });
        for (const residual of [undefined, volume(channels, 2)]) {
          const result = engine().ops.batchNorm(x, gammaOf(channels), betaOf(channels), {
            epsilon: 1e-5,
            relu: true,
            ...(residual === undefined ? {} : { residual }),
          });
          const { dx, dGamma } = result.backward(volume(channels, 3));
          for (const tensor of [result.y, dx, dGamma, result.mean, result.variance]) {
            const { some } = await channelsWithNaN(tensor, channels);
            if (tensor === result.mean && value === Infinity) continue; // it is ∞
            expect(some).toEqual([1]);
          }
          expect((await channelsWithNaN(result.y, channels)).all).toEqual([1]);
        }
      }
    });
  });

  test.each([8, 3])("batch norm with ReLU at inference, %i channels", async (channels) => {
    const at = 2 * channels + 2, bad = { at, value: NaN };
    await tidied(async () => {
      const { ops } = engine();
      const results = [
        inference(ops, volume(channels, 1, bad), { relu: true }),
        inference(ops, volume(channels, 1, bad), { relu: true, residual: volume(channels, 2) }),
        inference(ops, volume(channels, 1), { relu: true, residual: volume(channels, 2, bad) }),
      ];
      for (const y of results) {
        const values = [...await y.data()];
        expect(values.flatMap((value, i) => Number.isNaN(value) ? [i] : [])).toEqual([at]);
        expect(values.some((value) => value === 0)).toBe(true); // the ReLU is there
        expect(values.every((value) => !(value < 0))).toBe(true);
      }
    });
  });

  test.each([8, 3])("convolutions, %i channels", async (channels) => {
    const bad = { at: 1, value: NaN };
    await tidied(async () => {
      const { ops } = engine(),
        w = tf.tensor5d(hashFilled([1, 1, 1, channels, channels], 6), [
          ...[1, 1, 1] as const,
          channels,
          channels,
        ]);
      const x = volume(channels, 1), dy = volume(channels, 2);
      const nan = async (tensor: tf.Tensor) => (await tensor.data()).some(Number.isNaN);
      expect(await nan(ops.conv3d(volume(channels, 1, bad), w, geometry))).toBe(true);
      expect(await nan(ops.conv3dInputGrad(volume(channels, 2, bad), w, x.shape, geometry))).toBe(true);
      expect(await nan(ops.conv3dFilterGrad(volume(channels, 1, bad), dy, w.shape, geometry))).toBe(true);
      expect(await nan(ops.conv3dFilterGrad(x, volume(channels, 2, bad), w.shape, geometry))).toBe(true);
    });
  });

  test("what the head of a network does with TensorFlow.js's own operations", async () => {
    await tidied(async () => {
      const x = tf.tensor3d([-1, 2, NaN, 3, 4, -5, 6, 7], [1, 2, 4]), w = tf.ones<tf.Rank.R2>([4, 3]);
      const nan = async (tensor: tf.Tensor) => [...await tensor.data()].map((value) => Number.isNaN(value));
      expect(await nan(tf.relu(x))).toEqual([false, false, true, false, false, false, false, false]);
      for (const pool of [tf.mean, tf.max]) expect(await nan(pool(x, 1))).toEqual([false, false, true, false]);
      expect(await nan(tf.matMul(tf.mean<tf.Tensor2D>(x, 1), w))).toEqual([true, true, true]);
    });
  });
}, allEngines);
