/** `evaluate({ threshold })`: the threshold comes from one split and is applied to another. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import Papa from "papaparse";
import { evaluate, type EvaluateOptions } from "../../lib/evaluate/evaluate.ts";
import { readEvaluation } from "../../lib/evaluate/record.ts";
import { evaluationTable } from "../../lib/evaluate/summary.ts";
import { bestThreshold, thresholdCurve } from "../../lib/evaluate/thresholds.ts";
import { train } from "../../lib/train/train.ts";
import { cov3d } from "../support/command_line.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-threshold-" });
const directory = join(folder, "data"), run = join(folder, "run"), cache = join(folder, "cache");
const score = (options: Partial<EvaluateOptions>) =>
  evaluate({ run, directory, cache, engine: "wasm", resamples: 20, ...options });

beforeAll(async () => {
  await writeTinyDataset({ directory, train: 5, validation: 4 });
  const data = { directory, cache, size: { depth: 4, height: 16, width: 16 } };
  const model = { model: "tiny" as const, widths: [2, 2, 4, 4], dropout: 0.2, penultimate: 4 };
  await train({ config: { engine: "wasm", epochs: 1, seed: 8, data, model }, out: run });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

describe("auto", () => {
  test("before the validation split was scored", async () => {
    await expect(score({ split: "train", threshold: "auto" })).rejects.toMatchObject({
      code: "threshold.no-validation",
      hint: expect.stringContaining("cov3d evaluate --run"),
    });
  });

  test("is the best of the validation curve, decides the scored split, and is said", async () => {
    const validation = await score({ split: "validation" });
    const truth = validation.truth.map(({ presence }) => presence!);
    const best = bestThreshold(thresholdCurve(truth, validation.predictions.map((p) => p.presenceProbability!)))!;
    const result = await score({ split: "train", threshold: "auto" });
    expect(result.threshold).toMatchObject({
      value: best.threshold,
      source: "validation",
      chosenOn: { split: "validation", scans: 8, macroF1: best.macroF1 },
    });
    for (const { presence, presenceProbability } of result.predictions) {
      expect(presence).toBe(presenceProbability! >= best.threshold);
    }
    const { data } = Papa.parse<Record<string, string>>(await Deno.readTextFile(result.files.predictions), {
      header: true,
      skipEmptyLines: true,
    });
    expect(data.map((row) => row.presence === "true")).toEqual(result.predictions.map(({ presence }) => presence));
    expect(evaluationTable(result)).toMatch(/threshold of presence: .*\(chosen on 8 scans of validation/);
    // The untrained network's probabilities lie together: 0.5 and the best threshold decide differently.
    const plain = await score({ split: "train" });
    expect(plain.predictions.map(({ presence }) => presence)).not.toEqual(data.map((row) => row.presence === "true"));
    expect(plain.threshold).toEqual({ value: 0.5, source: "default" });
  });

  test("never on the split that is scored, nor from scores made in another way", async () => {
    await expect(score({ split: "validation", threshold: "auto" })).rejects.toMatchObject({
      name: "ConfigError",
      code: "threshold.same-split",
    });
    await expect(score({ split: "train", threshold: "auto", reflection: false })).rejects.toMatchObject({
      code: "threshold.other-settings",
    });
    await expect(score({ split: "train", threshold: "auto", mcSamples: 2 })).rejects.toMatchObject({
      code: "threshold.other-settings",
    });
  });

  test("scores of an older version have no threshold curve; other files are refused", async () => {
    const file = join(run, "evaluation-validation.json"), text = await Deno.readTextFile(file);
    const record = JSON.parse(text);
    delete record.presence.bestThresholds;
    await Deno.writeTextFile(file, JSON.stringify(record));
    await expect(score({ split: "train", threshold: "auto" })).rejects.toMatchObject({
      code: "threshold.no-validation",
    });
    await Deno.writeTextFile(file, "{");
    await expect(score({ split: "train", threshold: "auto" })).rejects.toMatchObject({ code: "evaluation.unreadable" });
    await Deno.writeTextFile(file, text);
    expect((await readEvaluation(file))!.presence!.macroF1.value).toBe(JSON.parse(text).presence.macroF1.value);
    expect(await readEvaluation(join(run, "none.json"))).toBeUndefined();
  });
});

test("a number is applied as it is; what is no probability is refused, in the command line too", async () => {
  const all = await score({ split: "train", threshold: 0 });
  expect(all.predictions.every(({ presence }) => presence)).toBe(true);
  expect(all.presence!.classes.find(({ label }) => label === "COVID-19")!.recall).toBe(1);
  await expect(score({ split: "train", threshold: 1.5 })).rejects.toMatchObject({ code: "threshold.range" });
  const wrong = await cov3d(["evaluate", "--run", run, "--threshold", "half"]);
  expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr).toContain('"auto" or a number from 0 to 1');
});

test("the record holds both intervals of the area, and both tasks' calibration", async () => {
  const { presence, severity, files, ...record } = await score({ split: "train" });
  expect(presence!.aucDelong!.value).toBeCloseTo(presence!.auc.value, 12);
  expect(presence!.calibration!.bins.reduce((sum, { scans }) => sum + scans, 0)).toBe(10);
  expect(severity!.calibration!.brier.value).toBeGreaterThan(0);
  expect(severity!.oneVsRest!.map(({ label }) => label)).toEqual(["mild", "moderate", "severe", "critical"]);
  const written = JSON.parse(await Deno.readTextFile(files.evaluation));
  expect(written).toMatchObject({ weightsSha256: record.weightsSha256, scansSha256: record.scansSha256 });
  expect(written.scansSha256).toMatch(/^[0-9a-f]{64}$/);
  expect(evaluationTable({ presence, severity, ...record })).toMatch(
    /AUC .*DeLong[\s\S]*Brier .*ECE[\s\S]*AUC one-vs-rest/,
  );
});
