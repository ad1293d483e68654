/** Tensors and operators on a chosen device, tested on a second virtual CPU: a CUDA card may not be there. */
import { expect, test } from "vitest";
import type { TensorflowEngine } from "../../../lib/engine/tensorflow/engine.ts";
import { tensorflowEngine } from "../../../lib/engine/tensorflow/mod.ts";
import type { EngineStartOptions } from "../../../lib/engine/types.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines } from "../../support/engines.ts";

async function withEngine(options: EngineStartOptions, body: (engine: TensorflowEngine) => void): Promise<void> {
  const engine = await tensorflowEngine.start(options) as TensorflowEngine;
  try {
    body(engine);
  } finally {
    await engine.stop();
  }
}

/** Device whose memory holds a TensorFlow.js tensor. */
function deviceOf(engine: TensorflowEngine, tensor: tf.Tensor): string {
  const backend = tf.backend() as unknown as { getInputTensorIds(tensors: tf.Tensor[]): number[] };
  return engine.binding.backingDevice(backend.getInputTensorIds([tensor])[0]!);
}

// describeEngines reports or requires the engine; each test starts its own with other devices.
describeEngines("devices", () => {
  test("uploads and results live on the device that was chosen", async () => {
    await withEngine({ virtualCpus: 2, device: "CPU:1" }, (engine) => {
      const { device, devices } = engine.describe();
      expect(devices.map(({ name }) => name).sort()).toEqual(["CPU:0", "CPU:1"]);
      expect(device).toEqual({ name: "CPU:1", kind: "cpu" });
      const x = tf.randomNormal([1, 4, 5, 6, 2]) as tf.Tensor5D, w = tf.randomNormal([3, 3, 3, 2, 3]) as tf.Tensor5D;
      const geometry = { stride: [2, 2, 2], padding: [1, 1, 1] } as const;
      const y = engine.ops.conv3d(x, w, geometry);
      const dx = engine.ops.conv3dInputGrad(y, w, x.shape, geometry);
      const { y: dropped } = engine.ops.dropout(y, 0.5, { key: [1, 2], counter: [3, 4] });
      const upload = tf.tensor([1, 2, 3]);
      for (const tensor of [x, y, dx, dropped, upload, upload.add(1), upload.greater(2)]) {
        expect(deviceOf(engine, tensor)).toMatch(/device:CPU:1$/);
      }
      expect(Array.from(upload.mul(2).dataSync())).toEqual([2, 4, 6]);
    });
  });

  test("the first device is taken where none is named; results are the same", async () => {
    const results: Float32Array[] = [];
    for (const options of [{ virtualCpus: 2 }, { virtualCpus: 2, device: "cpu:1" }, {}]) {
      await withEngine(options, (engine) => {
        const x = tf.linspace(-1, 1, 240).reshape([1, 4, 5, 6, 2]) as tf.Tensor5D;
        const w = tf.linspace(-1, 1, 162).reshape([3, 3, 3, 2, 3]) as tf.Tensor5D;
        const y = engine.ops.conv3d(x, w, { stride: [1, 1, 1], padding: [1, 1, 1] });
        expect(deviceOf(engine, y)).toMatch(options.device === undefined ? /device:CPU:0$/ : /device:CPU:1$/);
        results.push(y.dataSync<"float32">());
      });
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test("a device that does not exist is refused, naming those that do", async () => {
    const start = tensorflowEngine.start({ device: "GPU:7" });
    await expect(start).rejects.toMatchObject({ name: "EngineError", code: "engine.device", expected: /CPU:0/ });
    await expect(tensorflowEngine.start({ virtualCpus: 0 })).rejects.toThrow(/virtualCpus/);
  });

  test("stopping frees everything, and an engine can start again", async () => {
    await withEngine({}, (engine) => {
      tf.ones([4]).add(1).dataSync();
      expect(engine.memory().handles).toBeGreaterThan(0);
    });
    await withEngine({}, (engine) => {
      expect(engine.memory().handles).toBe(0);
      expect(Array.from(tf.ones([2]).add(1).dataSync())).toEqual([2, 2]);
    });
  });
}, ["tensorflow"]);
