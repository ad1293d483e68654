import { describe, expect, test } from "vitest";
import { countScans, publishedCounts } from "../../lib/data/counts.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { foldSizes, supersetBatchChances } from "../../lib/data/folds.ts";
import { scansFromPaths } from "../../lib/data/scans_from_paths.ts";
import { outputOrder, sliceOrder } from "../../lib/data/slices.ts";
import { oracle } from "../support/oracles.ts";
import { temporaryFolder, writeDataset, writeTree } from "./support/datasets.ts";

describe("oracles", () => {
  test("data.slice_order", () => {
    const { inputs, expected } = oracle("data.slice_order");
    expect(sliceOrder(inputs.files)).toEqual(expected.order);
  });

  test("data.output_order", () => {
    const { inputs, expected } = oracle("data.output_order");
    expect(outputOrder(inputs.names)).toEqual(expected.order);
  });

  test("data.cv_sizes", () => {
    const { inputs: { counts }, expected } = oracle("data.cv_sizes");
    const sizes = Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, foldSizes(count as number, 4)]),
    );
    expect(sizes).toEqual(expected);
  });

  test("data.batch2_superset", () => {
    const { expected, tol } = oracle("data.batch2_superset");
    const { allSuperset, mixed } = supersetBatchChances({ scans: 1992, unannotated: 624, batchSize: 2 });
    expect(Math.abs(allSuperset - expected.all_superset)).toBeLessThan(tol);
    expect(Math.abs(mixed - expected.mixed)).toBeLessThan(tol);
  });

  test("data.counts2022: a tree with the release's counts is indexed and counted", async () => {
    const { expected } = oracle("data.counts2022");
    const root = temporaryFolder();
    for (const split of ["train", "validation"] as const) {
      const { positive, negative, ...rest } = expected[split];
      for (let i = 0; i < positive; i++) Deno.mkdirSync(`${root}/${split}/covid/ct_scan_${i}`, { recursive: true });
      for (let i = 0; i < negative; i++) Deno.mkdirSync(`${root}/${split}/non-covid/ct_scan_${i}`, { recursive: true });
      const categories = ["mild", "moderate", "severe", "critical"].flatMap((name, i) => Array(rest[name]).fill(i + 1));
      const rows = categories.map((category, i) => `ct_scan_${i};${category}`);
      const name = split === "validation" ? "val" : split;
      Deno.writeTextFileSync(`${root}/${name}_partition_covid_categories.csv`, ["Name;Category", ...rows].join("\r\n"));
    }
    expect(Object.fromEntries(countScans((await openDataset({ directory: root })).scans))).toEqual(expected);
  });

  test("data.counts2022: the published tables agree, where they give the released numbers", () => {
    const { expected } = oracle("data.counts2022");
    const published = publishedCounts().filter(({ released }) => released !== undefined);
    expect(published.length).toBe(16);
    for (const { split, row, released } of published) expect(released).toBe(expected[split][row]);
    const misprints = published.filter(({ paper, released }) => paper !== released).map(({ split, row }) =>
      `${split} ${row}`
    );
    expect(misprints).toEqual(["train total", "validation severe", "validation annotated"]);
  });
});

describe("openDataset", () => {
  test("labels, order and places of the slices", async () => {
    const root = await writeDataset();
    Deno.writeTextFileSync(`${root}/train/covid/ct_scan_0/notes.txt`, "");
    const { scans, notes } = await openDataset({ directory: root });
    expect(scans.map(({ key, presence, severity }) => [key, presence, severity])).toEqual([
      ["train/covid/ct_scan_0", true, "undefined"],
      ["train/covid/ct_scan_1", true, "severe"],
      ["train/non-covid/ct_scan_0", false, "undefined"],
      ["validation/covid/ct_scan_0", true, "mild"],
      ["validation/non-covid/ct_scan_0", false, "undefined"],
    ]);
    expect(scans[0]).toMatchObject({
      folder: `${root}/train/covid/ct_scan_0`,
      slices: ["0.jpg", "1.jpg", "2.jpg"],
      ignored: 1,
    });
    expect(notes).toEqual([]);
  });

  test("names of other releases, CSVs inside the splits, labelled and unlabelled test sets", async () => {
    const root = writeTree(temporaryFolder(), {
      "train_cov19d/covid/ct_scan_1/0.jpg": "",
      "train_cov19d/non-covid/ct_scan_1/0.jpg": "",
      "train_cov19d/train_partition_covid_categories.csv": '\ufeffName,Category\r\n"ct_scan_1","4"\r\n\r\n',
      "validation_cov19d/covid/ct_scan_7/0.png": "",
      "validation_cov19d/non-covid/ct_scan_2/0.jpg": "",
      "validation_cov19d/validation_partition_covid_categories.csv": "Name;Category\nct_scan_7;2.0\n",
      "test/covid/ct_scan_3/0.jpg": "",
      "test/non-covid/ct_scan_4/0.jpg": "",
      "test_partition_covid_categories.csv": "name;category\nct_scan_3;1\n",
      "part1_1_set_test_ECCV/ct_scan_9/5.jpg": "",
      "part_2_test_set_ECCV_22/test_ct_scan_10/5.jpg": "",
      "part_2_test_set_ECCV_22/test_ct_scan_9/5.jpg": "",
      "extras/train/covid/ct_scan_1.npy": "",
      "readme.txt": "",
    });
    const { scans, notes } = await openDataset({ directory: root });
    expect(scans.map(({ key, severity }) => `${key} ${severity}`)).toEqual([
      "train/covid/ct_scan_1 critical",
      "train/non-covid/ct_scan_1 undefined",
      "validation/covid/ct_scan_7 moderate",
      "validation/non-covid/ct_scan_2 undefined",
      "part1_1_set_test_ECCV/ct_scan_9 undefined",
      "part_2_test_set_ECCV_22/test_ct_scan_9 undefined",
      "part_2_test_set_ECCV_22/test_ct_scan_10 undefined",
      "test/covid/ct_scan_3 mild",
      "test/non-covid/ct_scan_4 undefined",
    ]);
    expect(scans.find(({ split }) => split.startsWith("part"))).not.toHaveProperty("presence");
    expect(notes).toEqual([expect.stringContaining("extras")]);
  });

  test("patients by folder name or key, with further columns", async () => {
    const root = await writeDataset();
    const rows = [
      "scan;patient;fold",
      "train/covid/ct_scan_0;A;1",
      "ct_scan_1;B;2",
      "validation/covid/ct_scan_0;A;1",
      "gone;C;1",
    ];
    Deno.writeTextFileSync(`${root}/scan_patients.csv`, rows.join("\n"));
    const { scans, notes } = await openDataset({ directory: root });
    expect(scans.map(({ patient }) => patient)).toEqual(["A", "B", undefined, "A", undefined]);
    expect(notes).toEqual([expect.stringContaining("2 of 5 scans"), expect.stringContaining("1 scans listed")]);
    const other = `${root}/other.csv`;
    Deno.writeTextFileSync(other, "scan,patient\nct_scan_1,Z\n");
    expect((await openDataset({ directory: root, patients: other })).scans[1]!.patient).toBe("Z");
  });

  test("indexes 20,000 slices in seconds", async () => {
    const root = temporaryFolder();
    for (const label of ["covid", "non-covid"]) {
      for (let scan = 0; scan < 50; scan++) {
        const folder = `${root}/train/${label}/ct_scan_${scan}`;
        Deno.mkdirSync(folder, { recursive: true });
        for (let i = 0; i < 200; i++) Deno.writeFileSync(`${folder}/${i}.jpg`, new Uint8Array(0));
      }
    }
    const started = performance.now();
    const { scans } = await openDataset({ directory: root });
    expect(scans.reduce((sum, { slices }) => sum + slices.length, 0)).toBe(20_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("scansFromPaths", () => {
  test("a scan, a folder of scans, one image; each once", async () => {
    const root = await writeDataset();
    const scans = await scansFromPaths([
      `${root}/train/covid/ct_scan_1`,
      `${root}/train/covid`,
      `${root}/validation/covid/ct_scan_0/1.jpg`,
    ]);
    expect(scans.map(({ key, slices }) => [key, slices.length])).toEqual([
      ["covid/ct_scan_1", 3],
      ["covid/ct_scan_0", 3],
      ["ct_scan_0/1.jpg", 1],
    ]);
    expect(scans[0]).not.toHaveProperty("presence");
  });

  test("scans of the same name get keys that differ", async () => {
    const root = await writeDataset();
    const scans = await scansFromPaths([`${root}/train/covid/ct_scan_0`, `${root}/validation/covid/ct_scan_0`]);
    expect(new Set(scans.map(({ key }) => key)).size).toBe(2);
  });
});
