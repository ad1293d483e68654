import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Scan, Severity } from "../../lib/data/types.ts";
import { ConfigError, DataError, RunError } from "../../lib/errors.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { dataFingerprint, labelledSplits, trainingLabels } from "../../lib/train/labels.ts";
import { type StepMetrics, taskMetrics, trainedTasks } from "../../lib/train/metrics.ts";
import { createRun, MetricsLog, readMetrics, readRun, readRunConfig, runFolderFor } from "../../lib/train/run.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

const config = parseTrainConfig({
  name: "tiny",
  data: { directory: "scans", size: { depth: 8, height: 32, width: 32 } },
  model: { model: "tiny" },
});

const stepLine = (step: number): StepMetrics => ({
  kind: "step",
  epoch: 0,
  step,
  loss: 1 / 3,
  smoothLoss: 0.5,
  presenceLoss: null,
  severityLoss: 0.1,
  learningRate: 1e-4,
  momentum: 0.95,
});

function scan(split: string, presence: boolean, number: number, severity: Severity = "undefined"): Scan {
  const id = `ct_scan_${number}`;
  const key = `${split}/${presence ? "covid" : "non-covid"}/${id}`;
  return { id, key, split, presence, severity, folder: `/${key}`, slices: ["1.jpg"], ignored: 0 };
}

describe("run folder", () => {
  test("name and hash make its name; the configuration comes back as it was", async () => {
    await withTemporaryFolder(async (parent) => {
      const folder = await runFolderFor(config, parent);
      expect(folder).toMatch(/\/tiny-[0-9a-f]{10}$/);
      await createRun(folder, config);
      const run = await readRun(folder);
      expect(run).toMatchObject({ folder, config, steps: [], epochs: [], checkpoints: [], state: undefined });
      await expect(createRun(folder, config)).rejects.toThrow(/--resume/);
    });
  });

  test.each<[string, string, new (...args: never[]) => Error]>([
    ["cut short", '{"name": "ti', RunError],
    ["of another kind", "[]", ConfigError],
    ["with an unknown field", '{"data": {"directory": "x"}, "lambda": 1}', ConfigError],
  ])("a configuration %s is refused by name", async (_name, text, type) => {
    await withTemporaryFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "config.json"), text);
      const error = await readRunConfig(folder).catch((error) => error);
      expect(error).toBeInstanceOf(type);
      expect(error.file).toBe(join(folder, "config.json"));
    });
  });
});

describe("metrics.jsonl", () => {
  test("lines come back exactly; reopening at a position cuts what came after", async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await MetricsLog.open(folder, 0);
      first.append(stepLine(1));
      const { bytes } = first;
      first.append(stepLine(2));
      first.close();
      const again = await MetricsLog.open(folder, bytes);
      again.append(stepLine(3));
      again.close();
      expect(await readMetrics(join(folder, "metrics.jsonl"))).toEqual([stepLine(1), stepLine(3)]);
    });
  });

  test("a last line that is still being written is left out; a broken one in the middle is an error", async () => {
    await withTemporaryFolder(async (folder) => {
      const path = join(folder, "metrics.jsonl");
      await Deno.writeTextFile(path, `${JSON.stringify(stepLine(1))}\n{"kind":"st`);
      expect(await readMetrics(path)).toEqual([stepLine(1)]);
      await Deno.writeTextFile(path, `{"kind":"st\n${JSON.stringify(stepLine(1))}\n`);
      await expect(readMetrics(path)).rejects.toThrow(/line 1/);
    });
  });

  test("shorter than the checkpoint says: refused", async () => {
    await withTemporaryFolder(async (folder) => {
      await expect(MetricsLog.open(folder, 10)).rejects.toThrow(RunError);
    });
  });
});

describe("labels", () => {
  const scans = [
    scan("train", true, 1, "mild"),
    scan("train", true, 2),
    scan("train", false, 1),
    scan("validation", true, 1, "severe"),
    scan("validation", false, 1),
    scan("test", true, 9),
  ];
  const dataset = { root: "/data", scans, notes: [] };

  test("the two splits, in the order of keys however the dataset lists them", async () => {
    const { train, validation } = labelledSplits(dataset);
    expect(train.map(({ key }) => key)).toEqual(
      ["train/covid/ct_scan_1", "train/covid/ct_scan_2", "train/non-covid/ct_scan_1"],
    );
    const reversed = labelledSplits({ ...dataset, scans: [...scans].reverse() });
    expect(reversed).toEqual({ train, validation });
    expect(await dataFingerprint(reversed)).toBe(await dataFingerprint({ train, validation }));
  });

  test("the fingerprint changes with labels, scans and slices", async () => {
    const fingerprint = (changed: Scan[]) => dataFingerprint(labelledSplits({ ...dataset, scans: changed }));
    const variants = [
      scans,
      [...scans, scan("train", false, 2)],
      scans.map((one, i) => i === 0 ? { ...one, severity: "critical" as const } : one),
      scans.map((one, i) => i === 0 ? { ...one, slices: ["1.jpg", "2.jpg"] } : one),
    ];
    expect(new Set(await Promise.all(variants.map(fingerprint))).size).toBe(variants.length);
    expect(await fingerprint(scans.slice(0, 5))).toBe(await fingerprint(scans)); // the test split does not matter
  });

  test("a split that is missing or has one class is refused", () => {
    expect(() => labelledSplits({ ...dataset, scans: scans.slice(0, 3) })).toThrow(DataError);
    expect(() => labelledSplits({ ...dataset, scans: scans.slice(1) })).not.toThrow();
    expect(() => labelledSplits({ ...dataset, scans: scans.filter(({ presence }) => presence) })).toThrow(/0 negative/);
  });

  test("shuffled labels are the same labels dealt otherwise, the same way for the same seed", () => {
    const many = Array.from(
      { length: 40 },
      (_, i) => scan("train", i % 2 === 0, i, i % 4 === 0 ? "mild" : "undefined"),
    );
    const own = trainingLabels(many, { seed: 1, shuffle: false });
    const dealt = trainingLabels(many, { seed: 1, shuffle: true });
    expect(own).toEqual(many.map(({ presence, severity }) => ({ presence, severity })));
    expect(dealt).not.toEqual(own);
    const sorted = (labels: unknown[]) => labels.map((label) => JSON.stringify(label)).sort();
    expect(sorted(dealt)).toEqual(sorted(own));
    expect(trainingLabels(many, { seed: 1, shuffle: true })).toEqual(dealt);
    expect(trainingLabels(many, { seed: 2, shuffle: true })).not.toEqual(dealt);
  });
});

describe("taskMetrics", () => {
  const scans = [scan("v", true, 1, "mild"), scan("v", true, 2), scan("v", false, 3), scan("v", true, 4, "critical")];
  const logits = [[2, 5, 0, 0, 0, 9], [-1, 0, 5, 0, 0, 0], [-3, 0, 0, 0, 0, 9], [1, 5, 0, 0, 0, 0]];

  test("presence over all scans, severity over annotated ones with the negative class ignored", () => {
    const { presence, severity } = taskMetrics(scans, logits, trainedTasks(0.5));
    expect(presence!.confusion).toEqual([[1, 0], [1, 2]]);
    expect(presence!.accuracy).toBe(0.75);
    expect(severity!.confusion).toEqual([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]);
    expect(severity!.macroF1).toBeCloseTo((2 / 3 + 0) / 2);
  });

  test("an untrained task is null, and so is severity where nothing is annotated", () => {
    expect(taskMetrics(scans, logits.map(([z]) => [z!]), trainedTasks(0)).severity).toBeNull();
    expect(taskMetrics(scans, logits, trainedTasks(1)).presence).toBeNull();
    expect(taskMetrics(scans.slice(1, 3), logits.slice(1, 3), trainedTasks(0.5)).severity).toBeNull();
  });
});
