import { describe, expect, test } from "vitest";
import { audit } from "../../lib/data/audit.ts";
import { scanKind, scansOfEachKind } from "../../lib/data/choose_scans.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { plantLeak } from "../../lib/data/planted_leak.ts";
import type { Scan } from "../../lib/data/types.ts";
import { diagnosisTable } from "../../lib/notebook/diagnosis_table.ts";
import {
  classWeightTable,
  leakageTable,
  publishedCountTables,
  publishedWeightTable,
} from "../../lib/notebook/dataset_tables.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

function scan(presence: boolean | undefined, severity: Scan["severity"] = "undefined", split = "train"): Scan {
  const labels = presence === undefined ? {} : { presence };
  return { id: "s", key: "s", split, ...labels, severity, folder: "", slices: ["0.jpg"], ignored: 0 };
}

describe("published tables", () => {
  test("the three misprints are marked, and nothing else is", () => {
    const { presence, severity } = publishedCountTables();
    const marked = [...presence.rows, ...severity.rows].filter((row) => row.at(-1) !== "");
    expect(marked.map(([row, train, trainReleased, validation, validationReleased]) => [
      row,
      train,
      trainReleased,
      validation,
      validationReleased,
    ])).toEqual([
      ["total", 2292, 1992, 484, 484],
      ["severe", 85, 85, 22, 24],
      ["annotated", 258, 258, 106, 61],
    ]);
  });

  test("weights of the released lists and of the 2022 program, worked by hand", () => {
    const rows = new Map(publishedWeightTable().rows.map(([group, ...values]) => [group, values as number[]]));
    expect([...rows.keys()]).toHaveLength(6);
    expect(rows.get("critical")![0]).toBe(26);
    expect(rows.get("critical")![1]).toBeCloseTo(1992 / 6 / 26, 12);
    expect(rows.get("critical")![2]).toBeCloseTo(2292 / 6 / 26, 12);
    expect(rows.get("positive, no grade")![0]).toBe(624);
    expect(rows.get("positive, no grade")![2]).toBeCloseTo(2292 / 6 / 924, 12);
    expect(rows.get("positive, no grade")![3]).toBeCloseTo(1110 / 624, 12);
    expect(rows.get("positive, no grade")![4]).toBeCloseTo(1110 / 924, 12);
  });
});

test("class weights of a split: every group has the same total weight, empty groups have none", () => {
  const scans = [scan(false), scan(false), scan(true, "mild"), scan(true), scan(true, "mild", "validation")];
  const { rows, caption } = classWeightTable(scans);
  expect(caption).toBe('4 labelled scans of "train"');
  const byName = new Map(rows.map(([group, ...values]) => [group, values]));
  expect(byName.get("negative")).toEqual([2, "50.0 %", 1, 4 / 6 / 2, 1]);
  expect(byName.get("mild")).toEqual([1, "25.0 %", 1, 4 / 6, 2]);
  expect(byName.get("critical")).toEqual([0, "0.0 %", null, null, null]);
  expect(() => classWeightTable([scan(true)])).toThrow(expect.objectContaining({ code: "weights.one_class" }));
  expect(() => classWeightTable([scan(undefined)])).toThrow(expect.objectContaining({ code: "weights.no_scans" }));
});

describe("choice of scans", () => {
  const scans = [scan(undefined), scan(true, "severe"), scan(true), scan(false), scan(false), scan(true, "mild")];

  test("one of each kind, in the order of severity", () => {
    expect(scansOfEachKind(scans).map(scanKind)).toEqual(["negative", "mild", "severe", "ungraded", "unlabelled"]);
    expect(scansOfEachKind(scans, { perKind: 2 }).filter(({ presence }) => presence === false)).toHaveLength(2);
    expect(scansOfEachKind(scans, { split: "test" })).toEqual([]);
  });

  test("scans without slices stand for nothing", () =>
    expect(scansOfEachKind([{ ...scan(false), slices: [] }])).toEqual([]));
});

describe("a planted leak", () => {
  const table = async (dataset: Awaited<ReturnType<typeof openDataset>>) => leakageTable(await audit({ dataset }));

  test("the copy is found by its pixels and by its patient, and planting it again changes nothing", () =>
    withTemporaryFolder(async (directory) => {
      await writeTinyDataset({ directory, train: 2, validation: 2 });
      const names = ["train/covid/ct_scan_1;p1", "validation/covid/ct_scan_1;p2"];
      await Deno.writeTextFile(`${directory}/scan_patients.csv`, ["scan;patient", ...names].join("\n"));
      const clean = await openDataset({ directory });
      expect((await table(clean)).rows).toEqual([["nothing was found", ""]]);

      const options = { scan: clean.scans[0]!, split: "validation" } as const;
      const spoiled = await plantLeak({ dataset: clean, ...options });
      expect(spoiled.scans).toHaveLength(clean.scans.length + 1);
      expect((await table(spoiled)).rows).toEqual([
        ["the same scan", "train/covid/ct_scan_1 = validation/covid/ct_scan_9999"],
        ["patient p1", "train/covid/ct_scan_1, validation/covid/ct_scan_9999"],
      ]);
      expect(await plantLeak({ dataset: clean, ...options })).toEqual(spoiled);
    }));

  test("with the other label it is a contradiction; some slices in common are a finding of their own", () =>
    withTemporaryFolder(async (directory) => {
      await writeTinyDataset({ directory, train: 2, validation: 2 });
      const clean = await openDataset({ directory }), victim = clean.scans[0]!;
      const spoiled = await plantLeak({ dataset: clean, scan: victim, split: "validation", presence: false });
      expect((await table(spoiled)).rows[0]![0]).toBe("the same scan, with both labels");
      await Deno.remove(`${directory}/validation/non-covid/ct_scan_9999/1.jpg`);
      const { rows, caption } = await table(await openDataset({ directory }));
      expect(rows).toEqual([["3 slices in common", `${victim.key} and validation/non-covid/ct_scan_9999`]]);
      expect(caption).toContain("patients are not known");
    }));

  test("an unlabelled scan has no place to be copied to", async () => {
    const dataset = { root: "/nowhere", scans: [], notes: [] };
    await expect(plantLeak({ dataset, scan: scan(undefined), split: "train" })).rejects.toMatchObject({
      code: "leak.unlabelled",
    });
  });
});

test("the doctor's table says what works, and why an engine does not", () => {
  const machine = {
    deno: "",
    v8: "",
    typescript: "",
    system: "",
    processor: "a processor",
    cores: 2,
    memoryBytes: 1,
    freeMemoryBytes: 1,
  };
  const tool = { found: false };
  const tools = { python: tool, pip: tool, jupyter: tool, denoKernel: tool };
  const { rows, caption } = diagnosisTable({
    machine,
    tools,
    engines: [
      { engine: "tensorflow", available: false, gpu: false, detail: "no library", auto: false },
      {
        engine: "wasm",
        available: true,
        gpu: false,
        detail: "built in",
        auto: true,
        trial: { ok: false, error: { message: "crashed" } },
      },
    ],
    advice: ["install it"],
    ok: false,
  });
  expect(rows).toEqual([
    ["tensorflow", "not available", "no library", null, null, null],
    ["wasm", "does not start", "crashed", null, null, null],
  ]);
  expect(caption).toBe("a processor, 2 cores. No engine works here: install it");
});
