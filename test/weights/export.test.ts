/** Weights of the kit in PyTorch: the exported file, loaded by test/weights/check_export.py, gives the same logits. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNetwork, restoreNetwork } from "../../lib/nn/network.ts";
import type { NetworkConfig } from "../../lib/nn/config.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/nn/safetensors.ts";
import { readSafetensors } from "../../lib/weights/safetensors_file.ts";
import { startEngine } from "../../lib/engine/registry.ts";
import type { Engine } from "../../lib/engine/types.ts";
import { fileExists } from "../../lib/files.ts";
import { cacheRoot } from "../../lib/paths.ts";
import { readCheckpoint, writeCheckpoint } from "../../lib/train/checkpoint.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { createRun } from "../../lib/train/run.ts";
import { initialState } from "../../lib/train/state.ts";
import { toRows } from "../../lib/train/losses.ts";
import { readTorchCheckpoint } from "../../lib/torch/mod.ts";
import { exportWeights } from "../../lib/weights/export.ts";
import { importWeights } from "../../lib/weights/import.ts";
import { weightLayouts } from "../../lib/weights/names.ts";
import * as tf from "../../lib/tf.ts";
import { expectClose } from "../support/close.ts";
import { hashFilled, hashFillState } from "../support/hash_fill.ts";

let folder: string, engine: Engine;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-export-" });
  engine = await startEngine("wasm");
});
afterAll(async () => {
  await engine.stop();
  await Deno.remove(folder, { recursive: true });
});

const widths = [4, 6, 6, 8];

/** A run folder whose best presence weights are the hash fill; what training would leave, without training. */
async function makeRun(name: string, model: Partial<NetworkConfig>): Promise<string> {
  const run = join(folder, name);
  const { architecture: _, outputs: _outputs, inputChannels: _channels, ...given } = { penultimate: 5, ...model };
  const config = parseTrainConfig({
    data: { directory: folder, size: { depth: 16, height: 32, width: 32 } },
    model: { model: "tiny", ...given },
  });
  await createRun(run, config);
  const network = createNetwork(config.model, engine.ops, 0);
  const like = await network.stateDict();
  const counters = [...like].filter(([, { dtype }]) => dtype === "I64");
  const state = new Map([...hashFillState(like), ...counters]);
  network.dispose();
  const files = new Map([["model.safetensors", encodeSafetensors(state)]]);
  await writeCheckpoint(join(run, "checkpoints"), "best-presence", { state: initialState("x"), files });
  return run;
}

const shape = [2, 16, 32, 32, 1] as const;
const volume = hashFilled(shape, 77, 0.5);

/** The kit's logits of a run's best presence weights. */
async function logitsOf(run: string): Promise<number[][]> {
  const { model } = parseTrainConfig(JSON.parse(await Deno.readTextFile(join(run, "config.json"))));
  const { files } = await readCheckpoint(join(run, "checkpoints"), "best-presence");
  const network = restoreNetwork(model, engine.ops, decodeSafetensors(files.get("model.safetensors")!).tensors);
  const { logits } = network.forward(tf.tensor5d(volume, [...shape]));
  const rows = toRows(logits.dataSync(), model.outputs);
  logits.dispose();
  network.dispose();
  return rows;
}

/** A Python with torch: the one that the benchmarks made, or the one that COV3D_PEER_PYTHON names. */
async function pythonWithTorch(): Promise<string | undefined> {
  const named = Deno.env.get("COV3D_PEER_PYTHON");
  if (named !== undefined) return named;
  const made = join(cacheRoot(), "peer", "torch-2.13.0");
  return await fileExists(join(made, "complete.json")) ? join(made, "bin/python") : undefined;
}

async function checkInPython(python: string, args: readonly string[]): Promise<number[][]> {
  const script = new URL("./check_export.py", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(python, { args: [script, ...args] }).output();
  expect(code, new TextDecoder().decode(stderr)).toBe(0);
  return JSON.parse(new TextDecoder().decode(stdout));
}

describe("exportWeights", () => {
  test(
    "PyTorch gives the same logits: three networks, both layouts, both formats",
    { timeout: 240_000 },
    async (context) => {
      const python = await pythonWithTorch();
      if (python === undefined) {
        return context.skip(
          "no Python with torch: `deno task bench step` makes one, or COV3D_PEER_PYTHON",
        );
      }
      const input = join(folder, "input.bin");
      await Deno.writeFile(input, new Uint8Array(volume.buffer));
      const cases = [
        { model: "r3d_18", blocks: [2, 1, 1, 1], layout: "torchvision", extension: ".pth" },
        { model: "mc3_18", blocks: [1, 2, 1, 1], layout: "cov3d", extension: ".pth", pool: "max" },
        {
          model: "r2plus1d_18",
          blocks: [1, 1, 2, 1],
          layout: "torchvision",
          extension: ".safetensors",
          penultimate: 0,
        },
      ] as const;
      for (const { layout, extension, ...model } of cases) {
        const run = await makeRun(model.model, { ...model, widths });
        const out = join(folder, model.model + extension);
        await exportWeights({ run, out, layout });
        const found = await checkInPython(python, [out, join(run, "config.json"), input, "16,32,32", layout]);
        const wanted = await logitsOf(run);
        const largest = Math.max(...wanted.flat().map(Math.abs));
        wanted.forEach((row, i) => expectClose(row, found[i]!, 1e-4 * largest, 0));
      }
    },
  );

  test("every layout and format holds the run's numbers, and can be imported again", async () => {
    const run = await makeRun("tiny", { model: "tiny" });
    const { files } = await readCheckpoint(join(run, "checkpoints"), "best-presence");
    const { tensors } = decodeSafetensors(files.get("model.safetensors")!);
    for (const layout of weightLayouts) {
      for (const extension of [".safetensors", ".pth", ".pt"]) {
        const out = join(folder, `tiny-${layout}${extension}`), back = join(folder, "back.safetensors");
        const exported = await exportWeights({ run, out, layout });
        expect(exported).toMatchObject({ file: out, checkpoint: "best-presence", layout, tensors: tensors.size });
        const imported = await importWeights({ file: out, out: back });
        expect(imported).toMatchObject({ model: "tiny", hasHead: true, report: { layout } });
        expect((await readSafetensors(back)).tensors).toEqual(tensors);
      }
    }
    const { metadata } = await readSafetensors(join(folder, "tiny-torchvision.safetensors"));
    expect(metadata).toMatchObject({ format: "pt", layout: "torchvision", model: "tiny", checkpoint: "best-presence" });
    expect((await readTorchCheckpoint(join(folder, "tiny-cov3d.pth"))).container).toBe("zip");
  });

  test("refusals: another extension, no such folder, weights that are not there, damaged weights", async () => {
    const run = await makeRun("refused", { model: "tiny" });
    const out = join(folder, "refused.safetensors");
    await expect(exportWeights({ run, out: "weights.h5" })).rejects.toMatchObject({ code: "weights.extension" });
    await expect(exportWeights({ run, out: join(folder, "no/x.pth") })).rejects.toMatchObject({
      code: "output-folder",
    });
    await expect(exportWeights({ run, out, weights: "last" })).rejects.toMatchObject({ code: "run.no-weights" });
    await expect(exportWeights({ run: folder, out })).rejects.toMatchObject({ code: "run.missing" });
    await Deno.truncate(join(run, "checkpoints/best-presence/model.safetensors"), 3000);
    await expect(exportWeights({ run, out })).rejects.toMatchObject({ code: "checkpoint.damaged" });
    expect(await fileExists(out)).toBe(false);
  });
});
