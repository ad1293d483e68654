/** The engine as a whole: starting again, Workers, other folders, memory's end, the same bits in every process. */
import { expect, test } from "vitest";
import { wasmEngine } from "../../../lib/engine/wasm/mod.ts";
import { selfTest } from "../../../lib/engine/self_test.ts";
import * as tf from "../../../lib/tf.ts";

const root = new URL("../../../", import.meta.url).pathname;
const fixture = new URL("./support/digest.ts", import.meta.url);

test("an engine can be stopped and started again", async () => {
  for (let round = 0; round < 3; round++) {
    const engine = await wasmEngine.start();
    expect(tf.tidy(() => tf.sum(tf.ones([5])).dataSync()[0])).toBe(5);
    expect(engine.memory().handles).toBe(0);
    await engine.stop();
  }
});

test("another device than the processor is refused", async () => {
  await expect(wasmEngine.start({ device: "GPU:0" })).rejects.toThrow(/expected CPU:0/);
});

test("allocations are refused, not corrupted, when 4 GiB are full", async () => {
  const engine = await wasmEngine.start();
  const held: tf.Tensor[] = [], sentinel = tf.tensor1d([1, 2, 3]);
  const backend = tf.backend() as tf.KernelBackend & { makeOutput(shape: number[], dtype: string): tf.TensorInfo };
  const fill = () => {
    // 64 MiB each; nothing is written to them, so they take up addresses and not the machine's memory
    for (let i = 0; i < 70; i++) {
      held.push(tf.engine().makeTensorFromTensorInfo(backend.makeOutput([16, 1024, 1024], "float32")));
    }
  };
  expect(fill).toThrow(/no memory left/);
  expect(held.length).toBeGreaterThan(50);
  expect(() => engine.ops.dropout(held[0]!, 0.5, { key: [0, 0], counter: [0, 0] })).toThrow(/no memory left/);
  expect([...sentinel.dataSync()]).toEqual([1, 2, 3]);
  tf.dispose([sentinel, ...held]);
  expect(engine.memory().handles).toBe(0);
  await engine.stop();
});

test("addresses above 2 GiB, which are negative as signed numbers, work", async () => {
  const engine = await wasmEngine.start();
  const backend = tf.backend() as tf.KernelBackend & { makeOutput(shape: number[], dtype: string): tf.TensorInfo };
  const held = Array.from(
    { length: 36 },
    () => tf.engine().makeTensorFromTensorInfo(backend.makeOutput([16, 1024, 1024], "float32")),
  );
  expect((await selfTest(engine)).passed).toBe(true);
  tf.dispose(held);
  await engine.stop();
});

/** A digest of one small step's results, from a process of its own started in `cwd`. */
async function digestInProcess(cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", `${root}deno.json`, fixture.href],
    cwd,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

test("starts in any folder and gives the same bits in every process", async () => {
  const elsewhere = await Deno.makeTempDir();
  const [first, second] = [await digestInProcess(root), await digestInProcess(elsewhere)];
  expect(first).toMatch(/^[0-9a-f]{64} [0-9a-f]{64}$/);
  expect(second).toBe(first);
  const [here, inWorker] = first.split(" ");
  expect(inWorker).toBe(here); // the program computes it in its main thread and in a Worker
  await Deno.remove(elsewhere);
});
