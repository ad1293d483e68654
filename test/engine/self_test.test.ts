import { expect, test } from "vitest";
import { EngineError } from "../../lib/errors.ts";
import { assertSelfTest, relativeError, selfTest } from "../../lib/engine/self_test.ts";
import type { BatchNormGradients, Engine, EngineOps } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";
import { allEngines, describeEngines } from "../support/engines.ts";

/** `tensor` with its largest effect on a training run: 1 % too long. */
const bent = <T extends tf.Tensor>(tensor: T): T => tf.mul(tensor, 1.01) as T;
/** The fault of the stock wasm backend: values in the wrong places. */
const shifted = <T extends tf.Tensor>(tensor: T): T =>
  tf.reshape(tf.reverse(tf.reshape(tensor, [-1])), tensor.shape) as tf.Tensor as T;

const bentGradient = (ops: EngineOps, name: keyof BatchNormGradients): Partial<EngineOps> => ({
  batchNorm(...args) {
    const result = ops.batchNorm(...args);
    return {
      ...result,
      backward: (dy) => {
        const gradients = result.backward(dy), value = gradients[name];
        return value === undefined ? gradients : { ...gradients, [name]: bent<tf.Tensor>(value) };
      },
    };
  },
});

const faults: Record<string, (ops: EngineOps) => Partial<EngineOps>> = {
  "conv3d": (ops) => ({ conv3d: (...args) => bent(ops.conv3d(...args)) }),
  "conv3d in the wrong places": (ops) => ({ conv3d: (...args) => shifted(ops.conv3d(...args)) }),
  "conv3dInputGrad": (ops) => ({ conv3dInputGrad: (...args) => shifted(ops.conv3dInputGrad(...args)) }),
  "conv3dInputGrad at stride 2 only": (ops) => ({
    conv3dInputGrad: (...args) => {
      const dx = ops.conv3dInputGrad(...args);
      return args[3].stride[0] === 2 ? bent(dx) : dx;
    },
  }),
  "conv3dFilterGrad": (ops) => ({ conv3dFilterGrad: (...args) => bent(ops.conv3dFilterGrad(...args)) }),
  "conv3dFilterGrad of one value": (ops) => ({
    conv3dFilterGrad: (...args) => {
      const dw = ops.conv3dFilterGrad(...args), first = tf.oneHot(tf.tensor1d([0], "int32"), dw.size).mul(0.1);
      return tf.add(dw, tf.reshape(first, dw.shape));
    },
  }),
  "batchNorm": (ops) => ({
    batchNorm: (...args) => {
      const result = ops.batchNorm(...args);
      return { ...result, y: bent(result.y) };
    },
  }),
  "batchNorm variance": (ops) => ({
    batchNorm: (...args) => {
      const result = ops.batchNorm(...args);
      return { ...result, variance: bent(result.variance) };
    },
  }),
  "batchNorm gradient of x": (ops) => bentGradient(ops, "dx"),
  "batchNorm gradient of γ": (ops) => bentGradient(ops, "dGamma"),
  "batchNorm gradient of β": (ops) => bentGradient(ops, "dBeta"),
  "batchNorm gradient of the residual": (ops) => bentGradient(ops, "dResidual"),
  "batchNormInference": (ops) => ({ batchNormInference: (...args) => bent(ops.batchNormInference(...args)) }),
  "foldConvNorm": (ops) => ({
    foldConvNorm: (_input, w, { gamma, beta, mean, variance, epsilon }, geometry) => ({
      run: (x, after) =>
        bent(ops.batchNormInference(ops.conv3d(x, w, geometry), gamma, beta, mean, variance, {
          epsilon,
          relu: after.relu,
          residual: after.residual!,
        })),
      dispose() {},
    }),
  }),
  "dropout mask": (ops) => ({
    dropout: (x, rate, { key, counter }) => ops.dropout(x, rate, { key: [key[0] + 1, key[1]], counter }),
  }),
  "dropout gradient": (ops) => ({
    dropout: (x, rate, stream) => {
      const result = ops.dropout(x, rate, stream);
      return { ...result, backward: (dy) => bent(result.backward(dy)) };
    },
  }),
  "adamW": (ops) => ({
    adamW: (tensors, gradient, constants) => ops.adamW!(tensors, gradient, { ...constants, decay: 1 }),
  }),
  "adamW without its moments": (ops) => ({
    adamW: (tensors, gradient, constants) => ops.adamW!(tensors, gradient, { ...constants, squareMomentum: 0.9 }),
  }),
  "NaN": (ops) => ({ conv3dInputGrad: (...args) => tf.div(tf.zerosLike(ops.conv3dInputGrad(...args)), 0) }),
};

describeEngines("self-test", (engine, engineName) => {
  test("passes, quickly, and leaves nothing behind", async () => {
    await selfTest(engine());
    const before = engine().memory(), report = await assertSelfTest(engine()), after = engine().memory();
    expect(report.passed).toBe(true);
    expect(report.engine).toBe(engine().name);
    expect(report.milliseconds).toBeLessThan(engineName === "webgpu" ? 30_000 : 1000); // programs are compiled
    expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
  });
}, allEngines);

describeEngines("self-test of a faulty engine", (engine) => {
  test.each(Object.keys(faults))("refuses a broken %s", async (name) => {
    const good = engine();
    const broken: Engine = {
      name: good.name,
      describe: () => good.describe(),
      memory: () => good.memory(),
      stop: () => good.stop(),
      ops: { ...good.ops, ...faults[name]!(good.ops) },
    };
    const error = await assertSelfTest(broken).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).code).toBe("engine.self_test");
    const operation = name === "NaN" ? "conv3dInputGrad" : name.split(" ")[0]!;
    expect((error as EngineError).found).toContain(operation);
  });
});

test("an error is relative to the largest value, and infinite where a value is missing", () => {
  expect(relativeError([1, 4], [1, 5])).toBeCloseTo(0.2);
  expect(relativeError([1, NaN], [1, 5])).toBe(Infinity);
  expect(relativeError([1], [1, 5])).toBe(Infinity);
});
