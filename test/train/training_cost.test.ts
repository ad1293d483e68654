/** What presets say about their cost before they are run. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { trainingMultiplyAccumulates } from "../../lib/nn/cost.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { planNetwork } from "../../lib/nn/plan.ts";
import { presetDetails } from "../../lib/train/preset_details.ts";
import { preset, presetConfig, presets } from "../../lib/train/presets.ts";
import { measuredStepTimes, type StepTime } from "../../lib/train/step_times.ts";
import { trainingCost } from "../../lib/train/training_cost.ts";
import { oracle } from "../support/oracles.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

const step: StepTime = {
  model: "r3d_18",
  size: { depth: 64, height: 128, width: 128 },
  batchSize: 2,
  seconds: 18,
  engine: "tensorflow",
  device: "GPU:0 of a test",
  version: "TensorFlow 2",
  date: "2026-01-02T00:00:00.000Z",
};

describe("cost of a preset", () => {
  test("steps: 996 an epoch on the released 1,992 training scans; any other number can be asked for", () => {
    const steps = (name: string, trainingScans?: number) =>
      presetDetails(preset(name), trainingScans === undefined ? {} : { trainingScans }).cost.steps;
    expect([steps("table3/3"), steps("table3/1"), steps("table3/2")]).toEqual([30 * 996, 40 * 996, 50 * 996]);
    expect(steps("table3/1", 161)).toBe(40 * 80); // the last, incomplete batch is left out
  });

  test("hours are measured step time × steps, with the device's name, or nothing", () => {
    const hours = (name: string, stepTimes: StepTime[]) => presetDetails(preset(name), { stepTimes }).cost.hours;
    expect(hours("table3/28", [step])).toEqual([{ hours: 39_840 * 18 / 3600, step }]);
    expect(hours("table3/28", [])).toEqual([]);
    expect(hours("table3/27", [step])).toEqual([]); // another size: nothing is scaled
    expect(hours("table3/28", [{ ...step, batchSize: 1 }])).toEqual([]);
    expect(hours("table3/28", [{ ...step, model: "tiny" }])).toEqual([]);
    const newer = { ...step, seconds: 9, date: "2026-02-02T00:00:00.000Z" };
    expect(hours("table3/28", [step, newer]).map(({ step }) => step.seconds)).toEqual([9]);
    expect(hours("table3/28", [step, { ...newer, device: "another" }]).length).toBe(2);
  });

  test("the committed records are read: a step of batch 1 at the small size, on a named processor", () => {
    const recorded = measuredStepTimes();
    expect(recorded.length).toBeGreaterThan(0);
    for (const { seconds, device } of recorded) {
      expect(seconds).toBeGreaterThan(0);
      expect(device).toMatch(/, \d+ cores$|^GPU/);
    }
    const config = presetConfig("table3/28", { data: { directory: "x" }, batchSize: 1 });
    const { hours } = trainingCost({ config, trainingScans: 1992, engines: [], stepTimes: recorded });
    expect(hours.length).toBeGreaterThan(0);
    for (const { hours: time, step } of hours) expect(time).toBeCloseTo(40 * 1992 * step.seconds / 3600, 9);
  });

  test("a GPU names itself in the records; without records there are no times", async () => {
    await withTemporaryFolder(async (folder) => {
      const file = join(folder, "step.csv");
      expect(measuredStepTimes(file)).toEqual([]);
      const header = "date,processor,cores,engine_version,engine,network,size,batch,side,seconds_median,device";
      await Deno.writeTextFile(
        file,
        `${header}\n2026-02,CPU,16,TF,tensorflow,r3d_18,64x128x128,2,kit tensorflow,0.5,GPU:0 NVIDIA\n` +
          `2026-01,CPU,16,TF,tensorflow,r3d_18,64x128x128,2,pytorch contiguous,0.4,\n` +
          `2026-01,CPU,16,TF,wasm,r3d_18,64x128x128,2,kit wasm,90,CPU:0\n`,
      );
      expect(measuredStepTimes(file).map(({ engine, device, seconds }) => [engine, device, seconds])).toEqual([
        ["wasm", "CPU, 16 cores", 90],
        ["tensorflow", "GPU:0 NVIDIA", 0.5],
      ]);
    });
  });

  test("memory per engine: what does not fit 4 GiB does not fit wasm", () => {
    for (const one of presets()) {
      const { config, cost } = presetDetails(one);
      const fits = new Map(cost.engines.map(({ engine, fits }) => [engine, fits]));
      expect(fits.get("tensorflow")).toBe(true);
      expect(fits.get("wasm"), one.name).toBe(config.data.size.depth <= 64);
      expect(cost.memory.totalBytes).toBeGreaterThan(cost.memory.parameterBytes);
    }
  });

  test("arithmetic: three passes over every layer but the stem, which needs no gradient of the scan", () => {
    const { inputs, expected } = oracle("model.shapes");
    const [depth, height, width] = inputs.small as [number, number, number];
    const plan = planNetwork(networkConfig({ model: "r3d_18" }));
    const stem = 64 * (3 * 7 * 7) * depth * (height / 2) * (width / 2);
    expect(trainingMultiplyAccumulates(plan, { depth, height, width }))
      .toBe(3 * expected.multiply_accumulates.small - stem);
    const { cost } = presetDetails(preset("table3/28"));
    expect(cost.multiplyAccumulatesPerStep).toBe(2 * (3 * expected.multiply_accumulates.small - stem));
  });
});
