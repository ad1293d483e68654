import { describe, expect, test } from "vitest";
import { audit } from "../../lib/data/audit.ts";
import { depthStatistics } from "../../lib/data/audit_depth.ts";
import { formatAudit, problemCount } from "../../lib/data/audit_report.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { sliceImage, temporaryFolder, writeDataset, writeScan } from "./support/datasets.ts";
import sharp from "sharp";

const auditOf = async (directory: string, quick = false) => audit({ dataset: await openDataset({ directory }), quick });

/** A dataset with one of every fault. */
async function faultyDataset(): Promise<string> {
  const root = await writeDataset(), train = `${root}/train`, covid = `${train}/covid`;
  const copy = (from: string, to: string) => Deno.copyFileSync(`${root}/${from}`, `${root}/${to}`);
  Deno.writeTextFileSync(`${covid}/ct_scan_0/2.jpg`, "not an image");
  Deno.writeTextFileSync(`${covid}/ct_scan_0/notes.txt`, "");
  copy("train/covid/ct_scan_1/2.jpg", "train/covid/ct_scan_1/6.jpg"); // gap 3–5 and a repeated slice
  Deno.mkdirSync(`${covid}/ct_scan_2`);
  await writeScan(`${covid}/ct_scan_3`, 1, { width: 20, height: 12, seed: 77 });
  Deno.writeFileSync(`${covid}/ct_scan_3/03.jpg`, await sliceImage({ seed: 78 }));
  Deno.writeFileSync(`${covid}/ct_scan_3/3.jpg`, await sliceImage({ seed: 79 }));
  for (let i = 0; i < 3; i++) copy(`train/non-covid/ct_scan_0/${i}.jpg`, `validation/non-covid/ct_scan_0/${i}.jpg`);
  copy("train/covid/ct_scan_1/0.jpg", "train/non-covid/ct_scan_0/3.jpg");
  const flat = sharp({ create: { width: 16, height: 16, channels: 3, background: "#808080" } });
  Deno.writeFileSync(`${train}/non-covid/ct_scan_0/4.jpg`, new Uint8Array(await flat.jpeg().toBuffer()));
  const rows = ["train/covid/ct_scan_0;A", "validation/covid/ct_scan_0;A", "train/non-covid/ct_scan_0;B"];
  Deno.writeTextFileSync(`${root}/scan_patients.csv`, ["scan;patient", ...rows].join("\n"));
  return root;
}

describe("audit", () => {
  test("finds every planted fault", async () => {
    const report = await auditOf(await faultyDataset());
    expect(report.unreadable).toMatchObject([{ scan: "train/covid/ct_scan_0", slice: "2.jpg", code: "image-format" }]);
    expect(report.emptyScans).toEqual(["train/covid/ct_scan_2"]);
    expect(report.numbering).toEqual([
      { scan: "train/covid/ct_scan_1", missing: "3–5", repeated: "" },
      { scan: "train/covid/ct_scan_3", missing: "1–2", repeated: "3" },
    ]);
    expect(report.mixedSizes).toEqual([{ scan: "train/covid/ct_scan_3", sizes: { "16×16": 2, "20×12": 1 } }]);
    expect(report.duplicates.withinScans).toEqual([{ scan: "train/covid/ct_scan_1", repeated: 1 }]);
    expect(report.duplicates.sharedSlices).toEqual([
      {
        scans: ["train/non-covid/ct_scan_0", "validation/non-covid/ct_scan_0"],
        slices: 3,
        acrossSplits: true,
        acrossClasses: false,
      },
      {
        scans: ["train/covid/ct_scan_1", "train/non-covid/ct_scan_0"],
        slices: 1,
        acrossSplits: false,
        acrossClasses: true,
      },
    ]);
    expect(report.patients).toEqual({
      scans: 3,
      patients: 2,
      acrossSplits: [{
        patient: "A",
        splits: ["train", "validation"],
        scans: ["train/covid/ct_scan_0", "validation/covid/ct_scan_0"],
      }],
    });
    expect([report.blankSlices, report.ignoredEntries]).toEqual([1, 1]);
    expect(report.formats).toMatchObject({ "jpeg grey 8-bit": expect.any(Number), "jpeg colour 8-bit": 1 });
    expect(problemCount(report)).toBe(1 + 1 + 2 + 1 + 1);
  });

  test("quick finds the same, except for blank slices", async () => {
    const root = await faultyDataset(), full = await auditOf(root), quick = await auditOf(root, true);
    expect({ ...quick, quick: false, blankSlices: 1 }).toEqual(full);
  });

  test("quick sees slices that are cut short", async () => {
    const root = await writeDataset(), file = `${root}/train/covid/ct_scan_0/1.jpg`;
    Deno.truncateSync(file, Deno.statSync(file).size - 10);
    expect((await auditOf(root, true)).unreadable).toMatchObject([{ slice: "1.jpg", code: "image-damaged" }]);
  });

  test("identical scans, also when the files are encoded differently", async () => {
    const root = temporaryFolder();
    const pixels = async (file: string) => new Uint8Array(await sharp(file).png({ compressionLevel: 0 }).toBuffer());
    await writeScan(`${root}/train/covid/ct_scan_0`, 3, { format: "png" });
    await writeScan(`${root}/train/non-covid/ct_scan_0`, 3, { seed: 2 });
    await writeScan(`${root}/test/ct_scan_1`, 0);
    for (let i = 0; i < 3; i++) {
      Deno.writeFileSync(`${root}/test/ct_scan_1/${i}.png`, await pixels(`${root}/train/covid/ct_scan_0/${i}.png`));
    }
    const [full, quick] = [await auditOf(root), await auditOf(root, true)];
    expect(full.duplicates.scans).toEqual([
      { scans: ["train/covid/ct_scan_0", "test/ct_scan_1"], acrossSplits: true, acrossClasses: false },
    ]);
    expect(quick.duplicates.scans).toEqual([]);
  });

  test("a clean dataset has no findings; progress ends at the number of slices; it can be stopped", async () => {
    const dataset = await openDataset({ directory: await writeDataset() }), done: number[] = [];
    const report = await audit({ dataset, onProgress: (slices) => done.push(slices) });
    expect(problemCount(report)).toBe(0);
    expect(done.at(-1)).toBe(15);
    await expect(audit({ dataset, signal: AbortSignal.abort() })).rejects.toThrow("abort");
  });
});

test("the report names counts, the paper's misprints, and what was found", async () => {
  const text = formatAudit(await auditOf(await faultyDataset()), { most: 1 });
  expect(text).toMatch(/total +5 +2,292 +2 +484/);
  expect(text).toContain("train total: printed 2,292, released 1,992");
  expect(text).toContain("1 unreadable slices");
  expect(text).toContain("validation/non-covid/ct_scan_0: 3 slices");
  expect(text).toContain("A: train/covid/ct_scan_0, validation/covid/ct_scan_0");
  expect(text).toContain("… and 1 more");
});

test("depth statistics", () => {
  const statistics = depthStatistics([1, 60, 70, 300, 1201]);
  expect(statistics).toMatchObject({ min: 1, median: 70, max: 1201, below160: 0.6, below500: 0.8 });
  expect(statistics.histogram.reduce((sum, { scans }) => sum + scans, 0)).toBe(5);
  expect(statistics.histogram[1]).toEqual({ from: 50, to: 100, scans: 2 });
  expect(depthStatistics([])).toMatchObject({ min: 0, median: 0, max: 0 });
  expect(depthStatistics([4, 6]).median).toBe(5);
});
