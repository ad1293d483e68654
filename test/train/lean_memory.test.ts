/** `--memory lean` computes activations again instead of keeping them: whole runs end with the same bits. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../lib/files.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import type { MemoryMode } from "../../lib/nn/recompute.ts";
import * as tf from "../../lib/tf.ts";
import { configHash, parseTrainConfig, type TrainConfigInput } from "../../lib/train/config.ts";
import { readRun, runFolderFor } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { describeEngines, eachEngine } from "../support/engines.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-lean-" });
  await writeTinyDataset({ directory: join(folder, "data"), train: 3, validation: 2 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const networks: Readonly<Record<string, TrainConfigInput["model"]>> = {
  tiny: { model: "tiny", dropout: 0.3 },
  r3d_18: { model: "r3d_18", widths: [4, 6, 8, 8], penultimate: 8, dropout: 0.3 },
  r2plus1d_18: { model: "r2plus1d_18", widths: [4, 4, 6, 6], blocks: [1, 2, 1, 1], penultimate: 8, pool: "max" },
};

const configOf = (engine: "tensorflow" | "wasm", model: TrainConfigInput["model"], memory: MemoryMode) => ({
  engine,
  model,
  memory,
  epochs: 2,
  seed: 4,
  accumulate: 2,
  optimizer: { learningRate: 1e-3 },
  data: { directory: join(folder, "data"), cache: join(folder, "cache"), size: { depth: 8, height: 24, width: 24 } },
});

/** Everything that a run leaves behind but its times. */
async function leftBehind(run: string) {
  const { steps, epochs } = await readRun(run);
  const hashes = await Promise.all(
    ["model", "optimizer"].map(async (name) =>
      await sha256(await Deno.readFile(join(run, "checkpoints", "last", `${name}.safetensors`)))
    ),
  );
  return { steps, epochs: epochs.map((line) => ({ ...line, timing: undefined })), hashes };
}

eachEngine("lean memory", (engine) => {
  if (engine === "webgpu") return;
  test.each(Object.keys(networks))("%s: the run of --memory fast, bit for bit", async (name) => {
    const runs = await Promise.all((["fast", "lean"] as const).map(async (memory) => {
      const out = join(folder, `${engine}-${name}-${memory}`);
      await train({ config: configOf(engine, networks[name], memory), out });
      return await leftBehind(out);
    }));
    expect(runs[0]!.steps.length).toBeGreaterThan(1);
    expect(runs[1]).toEqual(runs[0]);
  }, 60_000);

  test("a run that was stopped continues in the other mode", async () => {
    const out = join(folder, `${engine}-switched`), stop = new AbortController();
    const onProgress = ({ kind }: { kind: string }) => void (kind === "step" && stop.abort());
    const stopped = await train({
      config: configOf(engine, networks.tiny, "fast"),
      out,
      signal: stop.signal,
      onProgress,
    });
    expect(stopped.status).toBe("stopped");
    expect((await resume({ run: out, memory: "lean" })).status).toBe("finished");
    expect(await leftBehind(out)).toEqual(await leftBehind(join(folder, `${engine}-tiny-fast`)));
  }, 60_000);
}, ["tensorflow", "wasm"]);

describeEngines("lean memory holds less", (engine) => {
  test("of what the backward pass needs, a block keeps its input", () => {
    const network = createNetwork(networkConfig({ model: "tiny", blocks: [2, 2, 2, 2] }), engine().ops, 1);
    const held = (memory: MemoryMode) => {
      const before = tf.memory();
      const pass = network.forward(tf.zeros([1, 16, 32, 32, 1]), { training: true, dropoutSeed: [1, 1], memory });
      pass.logits.dispose();
      const bytes = tf.memory().numBytes - before.numBytes;
      pass.release();
      expect(tf.memory().numTensors).toBe(before.numTensors);
      return bytes;
    };
    expect(held("lean")).toBeLessThan(0.35 * held("fast"));
    network.dispose();
  });
}, ["tensorflow", "wasm"]);

test("the mode is not part of a run's identity", async () => {
  const [fast, lean] = await Promise.all((["fast", "lean"] as const).map(async (memory) => {
    const config = parseTrainConfig(configOf("wasm", networks.tiny, memory));
    return { hash: await configHash(config), folder: await runFolderFor(config) };
  }));
  expect(lean).toEqual(fast);
});
