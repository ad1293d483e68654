import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readItemWeights, weightsOf } from "../../lib/data/item_weights.ts";
import type { Scan } from "../../lib/data/types.ts";
import { DataError } from "../../lib/errors.ts";
import { dataFingerprint } from "../../lib/train/labels.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

const scan = (group: string, id: string): Scan => ({
  ...{ id, key: `train/${group}/${id}`, split: "train", presence: group === "covid", severity: "undefined" },
  ...{ folder: `/data/${id}`, slices: ["1.jpg"], ignored: 0 },
});
const scans = [scan("covid", "ct_scan_1"), scan("covid", "ct_scan_2"), scan("non-covid", "ct_scan_2")];

const read = (text: string) =>
  withTemporaryFolder(async (folder) => {
    const file = join(folder, "weights.csv");
    await Deno.writeTextFile(file, text);
    return await readItemWeights(file, scans);
  });

describe("readItemWeights", () => {
  test("by folder name or key; scans that are not listed have 1", async () => {
    const weights = await read("scan;weight\nct_scan_1;0.5\ntrain/non-covid/ct_scan_2;0\n");
    expect(weightsOf(weights, scans)).toEqual([0.5, 1, 0]);
    expect(weightsOf(await read("Scan,Weight\r\nct_scan_1,2e-1\r\n"), scans)).toEqual([0.2, 1, 1]);
  });

  test.each<[string, string, string]>([
    ["an unknown scan", "scan;weight\nct_scan_9;1", "weights-unknown"],
    ["a name of two scans", "scan;weight\nct_scan_2;1", "weights-ambiguous"],
    ["a negative weight", "scan;weight\nct_scan_1;-0.5", "weights-value"],
    ["no number", "scan;weight\nct_scan_1;much", "weights-value"],
    ["a decimal comma", "scan;weight\nct_scan_1;0,5", "weights-value"],
    ["infinity", "scan;weight\nct_scan_1;Infinity", "weights-value"],
    ["a weight beyond any use", "scan;weight\nct_scan_1;1000001", "weights-value"],
    ["a missing weight", "scan;weight\nct_scan_1;", "csv-row"],
    ["a scan twice, once by its key", "scan;weight\nct_scan_1;1\ntrain/covid/ct_scan_1;1", "csv-duplicate"],
    ["another header", "Name;Category\nct_scan_1;1", "csv-header"],
  ])("refuses %s", async (_name, text, code) => {
    const error = await read(text).catch((error) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code, file: expect.stringContaining("weights.csv") });
  });

  test("no weight above 0", async () => {
    const weights = await read("scan;weight\nct_scan_1;0");
    expect(weightsOf(weights, scans)).toEqual([0, 1, 1]);
    expect(() => weightsOf(weights, scans.slice(0, 1))).toThrow(/every training scan has weight 0/);
  });
});

test("weights are part of what identifies a run's data", async () => {
  const splits = { train: scans, validation: scans };
  const plain = await dataFingerprint(splits);
  expect(await dataFingerprint(splits, undefined)).toBe(plain);
  const weighted = await dataFingerprint(splits, [1, 1, 0.5]);
  expect(new Set([plain, weighted, await dataFingerprint(splits, [1, 0.5, 1])]).size).toBe(3);
});
