/** How the engine starts, what it says of itself, and one read-back a training step. */
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { EngineError } from "../../../lib/errors.ts";
import { chooseEngine } from "../../../lib/engine/registry.ts";
import { gatherKernel } from "../../../lib/engine/webgpu/convolution/gather_kernel.ts";
import { tileNamed } from "../../../lib/engine/webgpu/convolution/tile.ts";
import type { WebgpuEngine } from "../../../lib/engine/webgpu/engine.ts";
import { softwareVariable, tuneVariable } from "../../../lib/engine/webgpu/mod.ts";
import { fileStore } from "../../../lib/engine/webgpu/tile_file.ts";
import * as tf from "../../../lib/tf.ts";
import { eachEngine, tidied } from "../../support/engines.ts";
import { hashFilled } from "../../support/hash_fill.ts";
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

  test("begins with the tiles that an earlier engine measured, which change no bit", async () => {
    const cache = await Deno.makeTempDir({ prefix: "cov3d-tiles-" }), other = "128x16x16/8x4";
    const variables = { COV3D_CACHE: cache, [tuneVariable]: "on" };
    const kept = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
    for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
    /** The values of a convolution and the programs that made them. */
    const convolve = async (use: (engine: WebgpuEngine) => Promise<void> = async () => {}) => {
      const engine = await factory.start() as WebgpuEngine, run = vi.spyOn(engine.gpu, "run");
      const [x, w] = [hashFilled([1, 8, 8, 8, 4], 1), hashFilled([1, 1, 1, 4, 8], 2)];
      const values = await tidied(() =>
        engine.ops.conv3d(tf.tensor5d(x, [1, 8, 8, 8, 4]), tf.tensor5d(w, [1, 1, 1, 4, 8]), {
          stride: [1, 1, 1],
          padding: [0, 0, 0],
        }).data()
      );
      const codes = run.mock.calls.map(([{ code }]) => code);
      await use(engine);
      await engine.stop();
      return { values, codes };
    };
    try {
      const before = await convolve((engine) => engine.tune());
      const tiles = fileStore(join(cache, "webgpu-tiles.json")), [key] = [...(await tiles.read()).keys()];
      await tiles.set(key!, JSON.stringify({ tile: other }));
      const after = await convolve();
      const code = gatherKernel({ tile: tileNamed(other)!, vectorSource: true, vectorTarget: true, dense: true });
      expect([before.codes.includes(code), after.codes.includes(code)]).toEqual([false, true]);
      expect(after.values).toEqual(before.values);
      Deno.env.set(tuneVariable, "off");
      expect((await convolve()).codes).toEqual(before.codes);
    } finally {
      for (const [name, value] of kept) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
      await Deno.remove(cache, { recursive: true });
    }
  });

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
