/** Batch norm, dropout and AdamW of every engine against the float64 reference; memory; engines that were stopped. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../lib/errors.ts";
import { dropoutMask, dropoutScale } from "../../lib/engine/philox.ts";
import { referenceAdamW, referenceBatchNorm, referenceBatchNormGrad, type Shape5 } from "../../lib/engine/reference.ts";
import { relativeError } from "../../lib/engine/self_test.ts";
import type { Conv3dGeometry, DropoutStream, Engine, EngineFactory } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";
import { allEngines, describeEngines, eachEngine, expectClose, tidied } from "../support/engines.ts";
import { numbers, volumeOf } from "../support/number_tensors.ts";
import { oracle } from "../support/oracles.ts";

const tolerance = 1e-5;

interface BatchNormCase {
  readonly shape: Shape5;
  readonly relu: boolean;
  readonly residual: boolean;
}

const batchNormCases: readonly BatchNormCase[] = [8, 64, 4, 6, 3, 1].flatMap((channels) =>
  [[false, false], [true, false], [false, true], [true, true]].map(([relu, residual]) => ({
    shape: [2, 3, 5, 5, channels] as const,
    relu: relu!,
    residual: residual!,
  }))
);

async function checkBatchNorm(
  { ops }: Engine,
  { shape, relu, residual }: BatchNormCase,
  offset = 0,
): Promise<void> {
  const epsilon = 1e-5, channels = [shape[4]];
  const xs = numbers(shape, 1).map((value) => value + offset), dys = numbers(shape, 2), rs = numbers(shape, 3);
  const gammas = numbers(channels, 4).map((value) => value + 1.5), betas = numbers(channels, 5);
  const expectedOptions = { epsilon, relu, ...(residual && { residual: rs }) };
  const expected = referenceBatchNorm(xs, gammas, betas, expectedOptions);
  const gradient = referenceBatchNormGrad(xs, gammas, betas, dys, expectedOptions);
  await tidied(async () => {
    const options = { epsilon, relu, ...(residual && { residual: volumeOf(rs, shape) }) };
    const x = volumeOf(xs, shape), gamma = tf.tensor1d(gammas), beta = tf.tensor1d(betas);
    const { y, mean, variance, backward } = ops.batchNorm(x, gamma, beta, options);
    const { dx, dGamma, dBeta, dResidual } = backward(volumeOf(dys, shape));
    const inference = ops.batchNormInference(x, gamma, beta, mean, tf.tensor1d([...expected.biased]), options);
    expect(y.shape).toEqual(shape);
    const pairs: [tf.Tensor, ArrayLike<number>][] = [
      [y, expected.y],
      [mean, expected.mean],
      [variance, expected.variance],
      [dx, gradient.dx],
      [dGamma, gradient.dGamma],
      [dBeta, gradient.dBeta],
      [inference, expected.y],
    ];
    for (const [actual, wanted] of pairs) expect(relativeError(await actual.data(), wanted)).toBeLessThan(tolerance);
    expect(dResidual !== undefined).toBe(residual);
    if (dResidual) expect(relativeError(await dResidual.data(), gradient.dResidual)).toBeLessThan(tolerance);
  });
}

describeEngines("batch norm agrees with the float64 reference", (engine) => {
  test.each(batchNormCases)("%o", (item) => checkBatchNorm(engine(), item));

  test("a mean far from zero costs no accuracy", async () => {
    await checkBatchNorm(engine(), { shape: [1, 4, 5, 5, 8], relu: false, residual: false }, 16);
  });

  test("parameters, residuals and gradients of another shape are refused", () => {
    const { ops } = engine(), options = { epsilon: 1e-5, relu: true };
    tf.tidy(() => {
      const x = volumeOf(numbers([1, 2, 3, 3, 4], 1), [1, 2, 3, 3, 4]),
        small = volumeOf(numbers([8], 1), [1, 1, 2, 1, 4]);
      const [three, four] = [tf.ones<tf.Rank.R1>([3]), tf.ones<tf.Rank.R1>([4])] as const;
      expect(() => ops.batchNorm(x, three, four, options)).toThrow(EngineError);
      expect(() => ops.batchNorm(x, four, three, options)).toThrow(EngineError);
      expect(() => ops.batchNorm(x, four, four, { ...options, residual: volumeOf(numbers([6], 1), [1, 1, 1, 2, 3]) }))
        .toThrow(EngineError);
      expect(() => ops.batchNormInference(x, four, four, four, three, options)).toThrow(EngineError);
      expect(() => ops.batchNorm(x, four, four, options).backward(small)).toThrow(EngineError);
    });
  });

  test("oracle bn.train", async () => {
    const { inputs, expected } = oracle("bn.train");
    await tidied(async () => {
      const x = volumeOf(inputs.x, [1, 1, 1, 4, 1]);
      const { y, mean, variance, release } = engine().ops.batchNorm(x, tf.ones([1]), tf.zeros([1]), {
        epsilon: 1e-5,
        relu: false,
      });
      release();
      expectClose(await y.data(), expected.y, 1e-6, 0);
      expectClose([0.1 * (await mean.data())[0]!], expected.running_mean, 1e-6, 0);
      expectClose([0.9 + 0.1 * (await variance.data())[0]!], expected.running_var, 1e-6, 0);
    });
  });
}, allEngines);

describeEngines("dropout draws the documented mask", (engine) => {
  const streams: readonly DropoutStream[] = [
    { key: [1, 0], counter: [0, 0] },
    { key: [0xdeadbeef, 0xffffffff], counter: [2 ** 32 - 3, 7] },
    { key: [5, 6], counter: [2 ** 45 + 11, 2 ** 40 + 1] },
  ];
  describe.each(streams)("stream %o", (stream) => {
    test.each([1, 4, 15, 16, 17, 1003])("%i elements, bit for bit", async (length) => {
      for (const rate of [0, 0.1, 0.5, 0.7, 0.9]) {
        const mask = dropoutMask(stream, rate, length), scale = dropoutScale(rate);
        await tidied(async () => {
          const { y, backward } = engine().ops.dropout(tf.fill([length], 3), rate, stream);
          const dx = backward(tf.fill([length], -2));
          const kept = (values: ArrayLike<number>) => Array.from(values, (value) => Number(value !== 0));
          expect(kept(await y.data())).toEqual([...mask]);
          expect(kept(await dx.data())).toEqual([...mask]);
          expectClose(await y.data(), Array.from(mask, (bit) => 3 * scale * bit));
          expectClose(await dx.data(), Array.from(mask, (bit) => -2 * scale * bit));
        });
      }
    });
  });

  test("a rate outside [0, 1) is refused", () => {
    const x = tf.ones([4]);
    for (const rate of [1, -0.1, NaN]) {
      expect(() => engine().ops.dropout(x, rate, streams[0]!)).toThrow(/0 ≤ rate < 1/);
    }
    x.dispose();
  });
}, allEngines);

describeEngines("AdamW", (engine) => {
  const constants = { momentum: 0.9, squareMomentum: 0.99, rate: 0.05, epsilon: 1e-3, decay: 0.99 };
  test.each([1, 3, 4, 5, 1027])(
    "%i values agree with the reference, and shared tensors are left alone",
    async (length) => {
      const { adamW } = engine().ops;
      if (adamW === undefined) return;
      const shape = [length], values = [1, 2, 3].map((seed) => numbers(shape, seed));
      const [value, average, gradient] = values as [Float32Array, Float32Array, Float32Array];
      const square = numbers(shape, 4).map((number) => number ** 2);
      const run = async () => {
        const tensors = { value: tf.tensor(value), average: tf.tensor(average), square: tf.tensor(square) };
        const shared = tensors.value.clone(), g = tf.tensor(gradient);
        const result = adamW(tensors, g, constants);
        const expected = referenceAdamW({ value, average, square }, gradient, constants);
        for (const part of ["value", "average", "square"] as const) {
          expect(relativeError(await result[part].data(), expected[part])).toBeLessThan(tolerance);
        }
        expect([...await shared.data()]).toEqual([...value]);
        tf.dispose([shared, g, { ...result }]);
        const { tensors: live, handles } = engine().memory();
        return { live, handles };
      };
      await run(); // engines may keep constants from the first time
      expect(await run()).toEqual(await run()); // nothing is left behind
    },
  );
}, allEngines);

describeEngines("memory", (engine) => {
  test("tensors and handles stay flat over steps", () => {
    const { ops } = engine(), geometry: Conv3dGeometry = { stride: [2, 2, 2], padding: [1, 1, 1] };
    const x = volumeOf(numbers([1, 6, 6, 6, 5], 1), [1, 6, 6, 6, 5]);
    const w = volumeOf(numbers([3, 3, 3, 5, 6], 2), [3, 3, 3, 5, 6]);
    const gamma = tf.ones([6]) as tf.Tensor1D, beta = tf.zeros([6]) as tf.Tensor1D;
    const step = () => {
      const y = ops.conv3d(x, w, geometry);
      const residual = y.clone();
      const norm = ops.batchNorm(y, gamma, beta, { epsilon: 1e-5, relu: true, residual });
      const dropped = ops.dropout(norm.y, 0.3, { key: [1, 2], counter: [0, 0] });
      const dNorm = dropped.backward(dropped.y);
      const gradients = norm.backward(dNorm);
      const dx = ops.conv3dInputGrad(gradients.dx, w, x.shape, geometry);
      const dw = ops.conv3dFilterGrad(x, gradients.dx, w.shape, geometry);
      const unused = ops.batchNorm(y, gamma, beta, { epsilon: 1e-5, relu: true });
      unused.release();
      for (const { y, mean, variance } of [norm, unused]) tf.dispose([y, mean, variance]);
      tf.dispose([y, residual, dropped.y, dNorm, { ...gradients }, dx, dw]);
    };
    step();
    const before = engine().memory();
    for (let i = 0; i < 20; i++) step();
    const after = engine().memory();
    expect([after.tensors, after.bytes, after.handles]).toEqual([before.tensors, before.bytes, before.handles]);
    tf.dispose([x, w, gamma, beta]);
  });
}, allEngines);

eachEngine("an engine that was stopped", (_name, factory) => {
  test("starts again, and stopping it twice does nothing", async () => {
    for (let round = 0; round < 2; round++) {
      const { memory, stop } = await startOf(factory);
      expect(memory().handles).toBe(0);
      await stop();
      await stop();
    }
  });

  test("refuses to compute instead of taking the process down", async () => {
    const { ops, stop } = await startOf(factory);
    const x = tf.ones([1, 2, 2, 2, 1]) as tf.Tensor5D, w = tf.ones([1, 1, 1, 1, 1]) as tf.Tensor5D;
    await stop();
    expect(() => ops.conv3d(x, w, { stride: [1, 1, 1], padding: [0, 0, 0] })).toThrow();
    expect(() => ops.dropout(x, 0.5, { key: [0, 0], counter: [0, 0] })).toThrow();
  });
}, allEngines);

async function startOf(factory: EngineFactory) {
  const engine = await factory.start();
  return { ops: engine.ops, memory: () => engine.memory(), stop: () => engine.stop() };
}
