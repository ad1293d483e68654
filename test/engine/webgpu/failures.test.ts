/** What goes wrong on a GPU, for real: each failure is a typed error, and the run folder stays good. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { EngineError } from "../../../lib/errors.ts";
import { outOfMemoryCode } from "../../../lib/engine/out_of_memory.ts";
import type { WebgpuEngine } from "../../../lib/engine/webgpu/engine.ts";
import type { Engine } from "../../../lib/engine/types.ts";
import * as tf from "../../../lib/tf.ts";
import { parseSize } from "../../../lib/data/size.ts";
import { networkConfig } from "../../../lib/nn/config.ts";
import { parseTrainConfig } from "../../../lib/train/config.ts";
import { assertFits, memoryLimits, type MemoryQuestion } from "../../../lib/train/memory.ts";
import { createRun, readRun } from "../../../lib/train/run.ts";
import { resume } from "../../../lib/train/train.ts";
import { runTraining } from "../../../lib/train/trainer.ts";
import { eachEngine } from "../../support/engines.ts";
import { writeTinyDataset } from "../../support/tiny_dataset.ts";
import { tinyRun } from "./support/tiny_run.ts";

const failureOf = async (work: () => Promise<unknown>): Promise<EngineError> => {
  const error = await work().then(() => "no error", (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
};

eachEngine("failures", (_, factory) => {
  async function withEngine(body: (engine: WebgpuEngine) => Promise<void>): Promise<void> {
    const engine: Engine = await factory.start();
    try {
      await body(engine as WebgpuEngine);
    } finally {
      await engine.stop();
    }
  }

  test("a lost device is named by the next value that is read, and by everything after it", () =>
    withEngine(async ({ gpu, ops }) => {
      const x = tf.ones([1, 2, 2, 2, 4]) as tf.Tensor5D, one = tf.ones([4]) as tf.Tensor1D;
      const { y, mean, variance } = ops.batchNorm(x, one, one, { epsilon: 1e-5, relu: false });
      gpu.device.destroy();
      const error = await failureOf(() => y.data());
      expect(error.code).toBe("engine.webgpu.lost");
      expect(error.hint).toContain("--resume");
      expect((await failureOf(() => y.data())).code).toBe("engine.webgpu.lost");
      expect(() => ops.batchNormInference(x, one, one, one, one, { epsilon: 1e-5, relu: false })).toThrow(EngineError);
      tf.dispose([x, one, y, mean, variance]);
    }));

  test("a program that does not compile is named, with the compiler's words", () =>
    withEngine(async ({ gpu }) => {
      const { tensor, binding } = gpu.allocate([4]);
      gpu.run({ label: "broken", code: "fn main( {", inputs: [], outputs: [binding], workgroups: [1, 1, 1] });
      const error = await failureOf(() => tensor.data());
      expect(error.code).toBe("engine.webgpu.invalid");
      expect(error.message).toMatch(/"broken".*expected identifier/s);
    }));

  test("training with a tensor larger than the device allows is refused before it starts, with a batch that fits", () =>
    withEngine(async (engine) => {
      const limits = memoryLimits(engine.describe(), engine.memory(), Infinity), most = engine.gpu.limits.maxBufferSize;
      const network = networkConfig({ model: "r3d_18" }), size = parseSize("large"), perVolume = 64 * 160 ** 3 * 4;
      const fitting = Math.floor(most / perVolume), asked = { network, size, engine: "webgpu", batchSize: fitting + 1 };
      const error = await failureOf(() => Promise.resolve().then(() => assertFits(asked as MemoryQuestion, limits)));
      expect(error.code).toBe("engine.memory");
      expect(error.hint).toMatch(fitting > 0 ? new RegExp(`^--batch-size ${fitting} fits`) : /--size/);
      expect(() => engine.gpu.allocate([(fitting + 1) * perVolume / 4])).toThrow(/no memory left/); // what it saved us
    }));

  test("a buffer larger than the device allows is refused before anything is lost", () =>
    withEngine(async ({ gpu }) => {
      const values = Math.ceil(gpu.limits.maxBufferSize / 4) + 64;
      expect(() => gpu.allocate([values])).toThrow(/no memory left/);
      expect(() => tf.fill([values], 1)).toThrow(/no memory left/); // a program of TensorFlow.js
      const error = await failureOf(() => Promise.resolve().then(() => gpu.scratch(4 * values)));
      expect(error.code).toBe(outOfMemoryCode);
      expect([...await tf.add(tf.tensor1d([1, 2]), 1).data()]).toEqual([2, 3]); // the engine goes on
    }));

  test("memory that runs out on the device is a typed error", () =>
    withEngine(async ({ gpu }) => {
      const x = tf.relu(tf.ones([5000])), error = new GPUOutOfMemoryError("no more of it");
      gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
      expect(await failureOf(() => x.data())).toMatchObject({ code: outOfMemoryCode });
    }));

  test("memory that ran out is named although the buffers that it left invalid are heard of first", () =>
    withEngine(async ({ gpu }) => {
      const { tensor, binding } = gpu.allocate([4]), error = new GPUOutOfMemoryError("no more of it");
      gpu.run({ label: "broken", code: "fn main( {", inputs: [], outputs: [binding], workgroups: [1, 1, 1] });
      expect((await failureOf(() => tensor.data())).code).toBe("engine.webgpu.invalid");
      gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
      expect((await failureOf(() => tensor.data())).code).toBe(outOfMemoryCode);
    }));

  test("values for which no buffer can be made are a typed error", () =>
    withEngine(async ({ gpu }) => {
      const { backend } = gpu, { device } = backend, { bufferManager } = backend;
      const destroyed = device.createBuffer({ size: 16, usage: 0x80 | 0x08, mappedAtCreation: true });
      destroyed.destroy();
      bufferManager.acquireBuffer = () => destroyed;
      const error = await failureOf(() => Promise.resolve().then(() => gpu.bindingOf(tf.tensor1d([1, 2, 3, 4]))));
      expect(error.code).toBe(outOfMemoryCode);
    }));

  test("programs beyond the device's limits are refused by name", () =>
    withEngine(async ({ gpu }) => {
      const { binding } = gpu.allocate([4]), program = { label: "wide", code: "", inputs: [], outputs: [binding] };
      const most = gpu.limits.maxComputeWorkgroupsPerDimension;
      expect(() => gpu.run({ ...program, workgroups: [most + 1, 1, 1] })).toThrow(/"wide" exceeds/);
      await Promise.resolve();
    }));

  test("a device lost while training: the error is typed, and the run continues from its checkpoint", async () => {
    const scratch = await Deno.makeTempDir();
    const directory = await writeTinyDataset({ directory: join(scratch, "data"), train: 2, validation: 1 });
    const folder = join(scratch, "run");
    await Deno.mkdir(folder);
    const config = parseTrainConfig(
      tinyRun(directory, join(scratch, "cache"), { epochs: 2, checkpointSeconds: 0.001 }),
    );
    await createRun(folder, config);
    const error = await failureOf(() =>
      runTraining({
        folder,
        signal: new AbortController().signal,
        onProgress(message) {
          if (message.kind !== "step" || message.step !== 3) return;
          (tf.backend() as unknown as { device: GPUDevice }).device.destroy();
        },
      })
    );
    expect(error.code).toBe("engine.webgpu.lost");
    expect(await resume({ run: folder })).toMatchObject({ status: "finished", steps: 4 });
    expect((await readRun(folder)).state?.finished).toBe(true);
    await Deno.remove(scratch, { recursive: true });
  }, 180_000);
}, ["webgpu"]);
