/**
 * Every row of Table 3 trains: two optimizer steps on the phantom through the real session and loop. What the row
 * decides (λ, ε, reflection, pooling, outputs, optimizer) is the row's; the network is `tiny` and the volume 8×32×32,
 * so that all rows take seconds. One row trains the real r3d_18.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import type { TrainConfig } from "../../lib/train/config.ts";
import type { PartialTrainConfig } from "../../lib/train/merge_config.ts";
import { presetConfig, presetNames } from "../../lib/train/presets.ts";
import type { StepMetrics } from "../../lib/train/metrics.ts";
import { scheduledStep } from "../../lib/train/phases.ts";
import { createRun } from "../../lib/train/run.ts";
import { openSession, type Session } from "../../lib/train/session.ts";
import { train } from "../../lib/train/train.ts";
import { openBatches } from "../../lib/train/batches.ts";
import { optimizerStep } from "../../lib/train/optimizer_step.ts";

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

/** The steps of one epoch of four scans in batches of two; `body` looks at the session before it is closed. */
async function twoSteps(
  name: string,
  changes: PartialTrainConfig,
  body: (session: Session) => void | Promise<void> = () => {},
): Promise<{ config: TrainConfig; steps: StepMetrics[] }> {
  const config = presetConfig(name, {
    epochs: 1,
    engine: "wasm",
    needsPretrained: false,
    ...changes,
    data: { directory: join(folder, "phantom"), cache: join(folder, "cache"), ...changes.data },
  });
  const run = join(folder, config.name);
  await createRun(run, config);
  const session = await openSession({ folder: run, onProgress() {}, signal: new AbortController().signal });
  try {
    const batches = openBatches(session, { validation: true }), steps: StepMetrics[] = [];
    while (session.state.stepInEpoch < session.stepsPerEpoch) {
      const point = scheduledStep(config, session.state, session.stepsPerEpoch);
      steps.push(await optimizerStep(session, batches, point));
    }
    await batches.return();
    await body(session);
    return { config, steps };
  } finally {
    await session.close();
  }
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
  const { config, steps } = await twoSteps(name, reduced(name));
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
});

test("without pretrained weights a row refuses to start, and leaves nothing behind", async () => {
  const out = join(folder, "refused");
  const config = presetConfig("table3/28", { data: { directory: join(folder, "phantom") }, engine: "wasm" });
  await expect(train({ config, out })).rejects.toMatchObject({ code: "train.pretrained" });
  await expect(Deno.stat(out)).rejects.toThrow(Deno.errors.NotFound);
});

test("table3/14 with the real r3d_18: 33,413,184 weights, and all of them move", async () => {
  const { config, steps } = await twoSteps(
    "table3/14",
    { name: "real", data: { size: { depth: 8, height: 16, width: 16 } } },
    async ({ optimizer }) => {
      const averages = [...await optimizer.state()].filter(([name]) => name.endsWith(".average"));
      expect(averages.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(33_413_184);
      for (const [name, { data }] of averages) expect(Array.prototype.some.call(data, Boolean), name).toBe(true);
    },
  );
  expect(config.model).toEqual(presetConfig("table3/14", { data: { directory: "x" } }).model);
  expect(steps.map(({ step }) => step)).toEqual([1, 2]);
  for (const { loss } of steps) expect(loss).toBeGreaterThan(0);
});
