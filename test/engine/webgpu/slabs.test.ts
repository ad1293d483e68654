/** Tensors that are cut into slabs and chunks give the same bits as whole ones, and agree with float64. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { adamWOps } from "../../../lib/engine/webgpu/adamw.ts";
import { batchNormOps } from "../../../lib/engine/webgpu/batch_norm.ts";
import { dropoutOps } from "../../../lib/engine/webgpu/dropout.ts";
import type { WebgpuEngine } from "../../../lib/engine/webgpu/engine.ts";
import { BackendGpu } from "../../../lib/engine/webgpu/gpu.ts";
import { replaceAdd } from "../../../lib/engine/webgpu/kernels.ts";
import { referenceBatchNorm, referenceBatchNormGrad } from "../../../lib/engine/reference.ts";
import { relativeError } from "../../../lib/engine/self_test.ts";
import type { EngineOps } from "../../../lib/engine/types.ts";
import * as tf from "../../../lib/tf.ts";
import { eachEngine, tidied } from "../../support/engines.ts";
import { hashFilled } from "../../support/hash_fill.ts";

/** The same device, said to bind little at once. */
class NarrowGpu extends BackendGpu {
  override readonly limits: GPUSupportedLimits;

  constructor(wide: BackendGpu, bytes: number) {
    super(wide.backend);
    this.limits = new Proxy(wide.limits, {
      get: (limits, name) => name === "maxStorageBufferBindingSize" ? bytes : Reflect.get(limits, name, limits),
    });
  }
}

type Ops = Pick<EngineOps, "batchNorm" | "dropout"> & Required<Pick<EngineOps, "adamW">>;

eachEngine("slabs and chunks", (_, factory) => {
  let engine: WebgpuEngine, narrow: NarrowGpu;
  beforeAll(async () => {
    engine = await factory.start() as WebgpuEngine;
    narrow = new NarrowGpu(engine.gpu, 100_000);
  });
  afterAll(() => engine.stop());
  const opsOf = (gpu: BackendGpu): Ops => ({ ...batchNormOps(gpu), ...dropoutOps(gpu), ...adamWOps(gpu) });

  /** Values of the tensors that `compute` makes with whole and with cut tensors. */
  const both = (compute: (ops: Ops) => tf.Tensor[]) =>
    Promise.all(
      [engine.gpu, narrow].map((gpu) => tidied(() => Promise.all(compute(opsOf(gpu)).map((tensor) => tensor.data())))),
    );

  test.each([8, 6, 1])("batch norm of %i channels", async (channels) => {
    const shape = [2, 10, 30, 30, channels] as const;
    const volume = (seed: number) => tf.tensor5d(hashFilled(shape, seed), [...shape]);
    const [whole, cut] = await both((ops) => {
      const gamma = tf.tensor1d(hashFilled([channels], 4, 1)), beta = tf.tensor1d(hashFilled([channels], 5));
      const options = { epsilon: 1e-5, relu: true, residual: volume(2) };
      const { y, mean, variance, backward } = ops.batchNorm(volume(1), gamma, beta, options);
      return [y, mean, variance, ...Object.values<tf.Tensor>({ ...backward(volume(3)) })];
    });
    expect(cut).toEqual(whole);
  });

  test("dropout and AdamW", async () => {
    const values = (seed: number) => tf.tensor1d(hashFilled([70_001], seed, 1));
    const [whole, cut] = await both((ops) => {
      const { y } = ops.dropout(values(1), 0.4, { key: [1, 2], counter: [2 ** 32 - 5, 0] });
      const tensors = { value: values(2), average: values(3), square: values(4) };
      const constants = { momentum: 0.9, squareMomentum: 0.99, rate: 0.05, epsilon: 1e-3, decay: 0.99 };
      return [y, ...Object.values<tf.Tensor>({ ...ops.adamW(tensors, values(5), constants) })];
    });
    expect(cut).toEqual(whole);
  });

  test("sums that are too large to be bound", async () => {
    const [a, b] = [1, 2].map((seed) => hashFilled([70_001], seed));
    replaceAdd(narrow);
    try {
      const sum = await tidied(() => tf.add(tf.tensor1d(a!), tf.tensor1d(b!)).data());
      expect(sum).toEqual(a!.map((value, i) => value + b![i]!));
    } finally {
      replaceAdd(engine.gpu);
    }
  });

  test("chunks of more than 64 rows, far from zero", async () => {
    const shape = [1, 9, 128, 128, 1] as const, epsilon = 1e-5; // 147,456 rows: over 2048 chunks of 64
    const xs = hashFilled(shape, 1, 100), dys = hashFilled(shape, 2), one = [1.5], zero = [0.25];
    const expected = referenceBatchNorm(xs, one, zero, { epsilon, relu: false });
    const gradient = referenceBatchNormGrad(xs, one, zero, dys, { epsilon, relu: false });
    await tidied(async () => {
      const x = tf.tensor5d(xs, [...shape]), gamma = tf.tensor1d(one), beta = tf.tensor1d(zero);
      const { y, mean, variance, backward } = engine.ops.batchNorm(x, gamma, beta, { epsilon, relu: false });
      const { dx, dGamma, dBeta } = backward(tf.tensor5d(dys, [...shape]));
      expect(relativeError(await mean.data(), expected.mean)).toBeLessThan(1e-6);
      expect(relativeError(await variance.data(), expected.variance)).toBeLessThan(1e-5);
      expect(relativeError(await y.data(), expected.y)).toBeLessThan(1e-4);
      expect(relativeError(await dx.data(), gradient.dx)).toBeLessThan(1e-4);
      const sums = [...await dGamma.data(), ...await dBeta.data()],
        all = dys.reduce((sum, dy) => sum + Math.abs(dy), 0);
      expect(Math.abs(sums[0]! - gradient.dGamma[0]!) / all).toBeLessThan(1e-6); // terms cancel: a share of their sizes
      expect(Math.abs(sums[1]! - gradient.dBeta[0]!) / all).toBeLessThan(1e-6);
    });
  });
}, ["webgpu"]);
