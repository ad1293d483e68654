/**
 * Every row of Table 3 trains: two optimizer steps on the phantom through the real session and loop. What the row
 * decides (λ, ε, reflection, pooling, outputs, optimizer) is the row's; the network is `tiny` and the volume 8×32×32,
 * so that all rows take seconds. One row trains the real r3d_18.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { decodeSafetensors } from "../../lib/nn/safetensors.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import type { TrainConfig } from "../../lib/train/config.ts";
import type { PartialTrainConfig } from "../../lib/train/merge_config.ts";
import { presetConfig, presetNames } from "../../lib/train/presets.ts";
import { createRun, readRun } from "../../lib/train/run.ts";
import { runTraining } from "../../lib/train/trainer.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-table3-" });
  await generatePhantom({
    directory: join(folder, "phantom"),
    scans: { train: 4, validation: 4 },
    positiveShare: 0.5,
    annotatedShare: 1,
    sliceSize: 32,
    masks: false,
    seed: 3,
  });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const rows = presetNames().filter((name) => name.startsWith("table3/"));

/** One epoch of four scans in batches of two; `stop` ends it after the second step, before validation. */
async function twoSteps(name: string, changes: PartialTrainConfig, stop?: AbortController) {
  const config = presetConfig(name, {
    epochs: 1,
    engine: "wasm",
    needsPretrained: false,
    ...changes,
    data: { directory: join(folder, "phantom"), cache: join(folder, "cache"), ...changes.data },
  });
  const run = join(folder, config.name);
  await createRun(run, config);
  await runTraining({
    folder: run,
    onProgress: (progress) => progress.kind === "step" && progress.step === 2 && stop?.abort(),
    signal: (stop ?? new AbortController()).signal,
  });
  return { config, run: await readRun(run) };
}

/** The row's own network with tiny's widths. */
function reduced(name: string): PartialTrainConfig {
  const { model, widths, blocks, penultimate } = networkConfig({ model: "tiny" });
  const config: TrainConfig = presetConfig(name, { data: { directory: "x" } });
  return {
    data: { size: { depth: 8, height: 32, width: 32 } },
    model: { ...config.model, model, widths, blocks, penultimate },
  };
}

test.each(rows)("%s: two steps with a tiny network", async (name) => {
  const { config, run: { steps, epochs, checkpoints } } = await twoSteps(name, reduced(name));
  const { severityFactor } = config.loss;
  expect(config.model.outputs).toBe(severityFactor === 0 ? 1 : 6);
  expect(steps.length).toBe(2);
  for (const { loss, presenceLoss, severityLoss } of steps) {
    expect(presenceLoss === null).toBe(severityFactor === 1);
    expect(severityLoss === null).toBe(severityFactor === 0);
    const parts = (1 - severityFactor) * (presenceLoss ?? 0) + severityFactor * (severityLoss ?? 0);
    expect(loss).toBeCloseTo(parts, 6); // equation (6)
    expect(loss).toBeGreaterThan(0);
  }
  expect(epochs.length).toBe(1);
  expect(checkpoints.includes("best-presence")).toBe(severityFactor < 1);
  expect(checkpoints.includes("best-severity")).toBe(severityFactor > 0);
});

test("table3/14 with the real r3d_18: 33,413,184 weights, and all of them move", async () => {
  const { config, run } = await twoSteps(
    "table3/14",
    { name: "real", data: { size: { depth: 8, height: 16, width: 16 } } },
    new AbortController(), // 0.4 GB of checkpoint is written once instead of four times
  );
  expect(config.model).toEqual(presetConfig("table3/14", { data: { directory: "x" } }).model);
  expect(run.steps.map(({ step }) => step)).toEqual([1, 2]);
  for (const { loss } of run.steps) expect(loss).toBeGreaterThan(0);
  const { files } = await readCheckpoint(run.checkpointsFolder, "last");
  const { tensors } = decodeSafetensors(files.get("optimizer.safetensors")!);
  const moments = [...tensors].filter(([name]) => name.endsWith("average"));
  expect(moments.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(33_413_184);
  for (const [name, { data }] of moments) expect((data as Float32Array).some((value) => value !== 0), name).toBe(true);
});
