/** Broken CSV, .npy and cache files: every case is a typed error that names the file, or the file is made again. */
import { describe, expect, test } from "vitest";
import { openCache } from "../../../lib/data/cache.ts";
import { openDataset } from "../../../lib/data/dataset.ts";
import { decodeNpy, encodeNpy } from "../../../lib/data/npy.ts";
import { scansFromPaths } from "../../../lib/data/scans_from_paths.ts";
import { recipeFor } from "../../../lib/data/size.ts";
import type { Cov3dError } from "../../../lib/errors.ts";
import { bytesOf, failure, withByte } from "../support/damage.ts";
import { temporaryFolder, writeDataset, writeScan, writeTree } from "../support/datasets.ts";
import { fixtures } from "../support/goldens.ts";

const recipe = recipeFor({ size: "4x8x8" });

describe("CSV files", () => {
  const categories: Record<string, [code: string, csv: string | Uint8Array]> = {
    "an unknown category": ["csv-category", "Name;Category\nct_scan_0;5\n"],
    "category zero": ["csv-category", "Name;Category\nct_scan_0;0\n"],
    "a category in words": ["csv-category", "Name;Category\nct_scan_0;mild\n"],
    "a missing category": ["csv-row", "Name;Category\nct_scan_0;\n"],
    "a missing name": ["csv-row", "Name;Category\n;2\n"],
    "a row of one cell": ["csv-row", "Name;Category\nct_scan_0\n"],
    "a wrong header": ["csv-header", "Scan;Class\nct_scan_0;1\n"],
    "no header": ["csv-header", "ct_scan_0;1\n"],
    "an empty file": ["csv-header", ""],
    "a name listed twice": ["csv-duplicate", "Name;Category\nct_scan_0;1\nct_scan_0;1\n"],
    "a listed scan that is not on disk": ["scan-missing", "Name;Category\nct_scan_77;1\n"],
    "a listed scan that is negative": ["scan-negative", "Name;Category\nct_scan_5;1\n"],
    "bytes that are not UTF-8": ["csv-unreadable", bytesOf(0x4e, 0xff, 0xfe, 0x00, 0xc3)],
    "a spreadsheet renamed to .csv": ["csv-header", "PK\u0003\u0004 sheet"],
  };
  test.each(Object.entries(categories))("%s", async (_, [code, csv]) => {
    const directory = writeTree(temporaryFolder(), {
      "train/covid/ct_scan_0/0.jpg": "",
      "train/non-covid/ct_scan_5/0.jpg": "",
      "train_partition_covid_categories.csv": csv,
    });
    const error = await failure(() => openDataset({ directory }));
    expect(error).toMatchObject({ code, file: `${directory}/train_partition_covid_categories.csv` });
  });

  test("two category files that disagree", async () => {
    const directory = writeTree(temporaryFolder(), {
      "train/covid/ct_scan_0/0.jpg": "",
      "train/non-covid/ct_scan_5/0.jpg": "",
      "train_partition_covid_categories.csv": "Name;Category\nct_scan_0;1\n",
      "train/train_partition_covid_categories.csv": "Name;Category\nct_scan_0;2\n",
    });
    expect(await failure(() => openDataset({ directory }))).toMatchObject({ code: "csv-conflict" });
  });

  test("patients: missing file, wrong header, one name for two scans", async () => {
    const root = await writeDataset();
    const open = (csv: string) => openDataset({ directory: root, patients: csv });
    writeTree(root, { "a.csv": "id;who\n", "b.csv": "scan;patient\nct_scan_0;A\n" });
    expect(await failure(() => open(`${root}/none.csv`))).toMatchObject({ code: "csv-unreadable" });
    expect(await failure(() => open(`${root}/a.csv`))).toMatchObject({ code: "csv-header" });
    expect(await failure(() => open(`${root}/b.csv`))).toMatchObject({ code: "patients-ambiguous" });
  });
});

describe(".npy files", () => {
  const whole = encodeNpy({ shape: [4, 5], data: new Float32Array(20) });
  const text = (from: string, to: string) => String.fromCharCode(...whole).replace(from, to);
  const latin = (string: string) => Uint8Array.from(string, (c) => c.charCodeAt(0));
  const cases: Record<string, [code: string, Uint8Array<ArrayBuffer>]> = {
    "no bytes": ["npy-magic", new Uint8Array(0)],
    "other bytes": ["npy-magic", new Uint8Array(64).fill(7)],
    "an unknown version": ["npy-header", whole.map((byte, i) => (i === 6 ? 9 : byte))],
    "a header that is cut": ["npy-truncated", whole.slice(0, 40)],
    "an array that is cut": ["npy-truncated", whole.slice(0, whole.length - 1)],
    "a header without a shape": ["npy-header", latin(text("'shape'", "'shame'"))],
    "a negative shape": ["npy-header", latin(text("(4, 5)", "(-4,5)"))],
    "a shape larger than the file": ["npy-truncated", latin(text("(4, 5)", "(4,99)"))],
    "a shape beyond all numbers": ["npy-truncated", latin(text("(4, 5), }", `(${"9".repeat(30)}, )}`))],
    "garbage for a header": ["npy-header", latin(text("{'descr'", "{{{{{{{{"))],
    "float64": ["npy-dtype", Deno.readFileSync(`${fixtures}float64.npy`)],
    "Fortran order": ["npy-dtype", Deno.readFileSync(`${fixtures}fortran.npy`)],
    "big-endian": ["npy-dtype", Deno.readFileSync(`${fixtures}big-endian.npy`)],
  };
  test.each(Object.entries(cases))("%s", async (_, [code, bytes]) => {
    expect(await failure(() => decodeNpy(bytes, "x.npy"))).toMatchObject({ name: "DataError", code, file: "x.npy" });
  });
});

describe("cache files are made again when they are", () => {
  const damages: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array> = {
    "cut short": (bytes) => bytes.subarray(0, bytes.length >> 1),
    "cut by one byte": (bytes) => bytes.subarray(0, bytes.length - 1),
    "empty": () => new Uint8Array(0),
    "longer by one byte": (bytes) => new Uint8Array([...bytes, 0]),
    "bit-flipped in a voxel": (bytes) => withByte(bytes, 200, bytes[200]! ^ 1),
    "bit-flipped in the header": (bytes) => withByte(bytes, 70, bytes[70]! ^ 4),
    "bit-flipped in the footer": (bytes) => withByte(bytes, bytes.length - 60, bytes[bytes.length - 60]! ^ 1),
    "bit-flipped in the footer's length": (bytes) => withByte(bytes, bytes.length - 10, 0x7f),
    "not a cache file": () => new TextEncoder().encode("not a volume"),
  };
  test.each(Object.entries(damages))("%s", async (_, damage) => {
    const [scan] = await scansFromPaths([await writeScan(temporaryFolder(), 3)]);
    const damaged: Cov3dError[] = [];
    const cache = await openCache({ recipe, directory: temporaryFolder(), onDamaged: (error) => damaged.push(error) });
    const first = await cache.get(scan!), path = await cache.pathOf(scan!), whole = Deno.readFileSync(path);
    Deno.writeFileSync(path, damage(whole));
    expect(await cache.get(scan!)).toEqual(first);
    expect(damaged).toMatchObject([{ code: "cache-damaged", file: path }]);
    expect(Deno.readFileSync(path)).toEqual(whole);
  });

  test("a cache folder that is a file", async () => {
    const folder = writeTree(temporaryFolder(), { "file": "" });
    expect(await failure(() => openCache({ recipe, directory: `${folder}/file` }))).toMatchObject({
      code: "cache-directory",
    });
  });
});
