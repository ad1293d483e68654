/** How the engine starts, what it says of itself, and one read-back a training step. */
import { afterEach, expect, test } from "vitest";
import { EngineError } from "../../../lib/errors.ts";
import { chooseEngine } from "../../../lib/engine/registry.ts";
import type { WebgpuEngine } from "../../../lib/engine/webgpu/engine.ts";
import { softwareVariable } from "../../../lib/engine/webgpu/mod.ts";
import * as tf from "../../../lib/tf.ts";
import { eachEngine } from "../../support/engines.ts";
import { trainingStep } from "./support/training_step.ts";

eachEngine("start", (_, factory) => {
  afterEach(() => Deno.env.set(softwareVariable, "1"));

  test("a software adapter is never taken by itself, and says how to ask for it", async () => {
    const { software } = await factory.probe();
    if (!software) return;
    expect(await chooseEngine("auto")).not.toBe("webgpu");
    Deno.env.delete(softwareVariable);
    const error = await factory.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ code: "engine.webgpu.software" });
    expect((error as EngineError).hint).toContain(`${softwareVariable}=1`);
  });

  test("its device has a name, by which it can be asked for; another is refused", async () => {
    const engine = await factory.start(), { device, backend } = engine.describe();
    expect(backend).toBe(tf.getBackend());
    await engine.stop();
    await (await factory.start({ device: device.name.slice(0, 5) })).stop();
    await expect(factory.start({ device: "GPU:7" })).rejects.toThrow(/no such device/);
  });

  test("a training step reads back once, and its memory is known", async () => {
    const engine = await factory.start() as WebgpuEngine, { backend } = engine.gpu, read = backend.read;
    const counts: number[] = [];
    let reads = 0;
    backend.read = (dataId) => {
      reads++;
      return read(dataId);
    };
    await trainingStep(engine.ops, () => {
      counts.push(reads);
      reads = 0;
    });
    expect(counts[1]).toBe(1); // between the end of inference and the end of the step
    expect(engine.memory().deviceBytes).toBeGreaterThan(0);
    expect(engine.memory().tensors).toBe(0);
    await engine.stop();
  }, 180_000);

  test("no program of a profile goes without a name and a time", async () => {
    const engine = await factory.start() as WebgpuEngine;
    const x = tf.ones([1, 4, 8, 8, 4]) as tf.Tensor5D, w = tf.ones([3, 3, 3, 4, 4]) as tf.Tensor5D;
    const timings = await engine.gpu.profile(() => {
      const y = engine.ops.conv3d(x, w, { stride: [1, 1, 1], padding: [1, 1, 1] });
      tf.dispose([tf.relu(y), y]);
    });
    expect(timings.map(({ label }) => label)).toEqual(expect.arrayContaining(["conv3d", "UnaryOpProgram"]));
    expect(timings.every(({ seconds }) => seconds >= 0)).toBe(true);
    expect(await engine.gpu.time(() => tf.dispose(tf.relu(x)))).toBeGreaterThan(0);
    tf.dispose([x, w]);
    await engine.stop();
  });
}, ["webgpu"]);
