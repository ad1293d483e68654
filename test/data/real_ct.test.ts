/** Real slice folders: COV3D_REAL_CT names a folder with sars/ in COV19-CT-DB layout and a scan_patients.csv. */
import { describe, expect, test } from "vitest";
import { audit } from "../../lib/data/audit.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { openCache } from "../../lib/data/cache.ts";
import { preprocess } from "../../lib/data/preprocess.ts";
import { locateLung } from "../../lib/data/lung_crop/crop.ts";
import { loadScan, readSquares } from "../../lib/data/read.ts";
import { recipeFor } from "../../lib/data/size.ts";
import { temporaryFolder } from "./support/datasets.ts";

const real = Deno.env.get("COV3D_REAL_CT");
const title = real === undefined ? "real CT (set COV3D_REAL_CT to a folder with sars/)" : "real CT";

describe.skipIf(real === undefined)(title, () => {
  const directory = `${real}/sars`;

  test("index: 53 scans of 41 patients, 1,309 slices", async () => {
    const { scans } = await openDataset({ directory });
    const count = (split: string, presence: boolean) =>
      scans.filter((scan) => scan.split === split && scan.presence === presence).length;
    expect([count("train", true), count("train", false), count("validation", true), count("validation", false)])
      .toEqual([14, 26, 5, 8]);
    expect(new Set(scans.map(({ patient }) => patient)).size).toBe(41);
    expect(scans.reduce((sum, { slices }) => sum + slices.length, 0)).toBe(1309);
  });

  test("audit: every slice is readable, no patient and no slice in two splits", async () => {
    const report = await audit({ dataset: await openDataset({ directory }) });
    expect(report).toMatchObject({ scans: 53, slices: 1309, unreadable: [], suspect: [], emptyScans: [] });
    expect(report.patients).toMatchObject({ patients: 41, acrossSplits: [] });
    expect(report.duplicates.sharedSlices.filter(({ acrossSplits }) => acrossSplits)).toEqual([]);
  });

  test("preprocess: every scan, the same voxels as without cache and Workers", async () => {
    const dataset = await openDataset({ directory }), recipe = recipeFor({ size: "16x32x32" });
    const cacheDirectory = temporaryFolder();
    expect(await preprocess({ dataset, recipe, cacheDirectory })).toMatchObject({
      made: 53,
      failed: [],
      stopped: false,
    });
    const scan = dataset.scans.find(({ id }) => id === "ct_scan_003")!,
      cache = await openCache({ recipe, directory: cacheDirectory });
    expect(await cache.has(scan)).toBe(true);
    const { voxels } = await cache.get(scan);
    expect(voxels).toEqual((await loadScan(scan, recipe)).voxels);
    expect(voxels.every(Number.isFinite)).toBe(true);
    const mean = voxels.reduce((sum, value) => sum + value, 0) / voxels.length;
    expect(mean).toBeGreaterThan(0.2);
    expect(mean).toBeLessThan(0.9);
  });

  test("lung crop: these slices are cut close to the lungs, so a box has most of them or is not believed", async () => {
    const { scans } = await openDataset({ directory });
    const kinds = { lung: 0, whole: 0 };
    for (const id of ["ct_scan_003", "ct_scan_011", "ct_scan_020", "ct_scan_058", "ct_scan_067", "ct_scan_068"]) {
      const { planes, count } = await readSquares(scans.find((scan) => scan.id === id)!);
      const { crop } = locateLung(planes, count), { start, end } = crop.box;
      kinds[crop.kind]++;
      if (crop.kind === "whole") continue;
      const [height, width] = [end.height - start.height, end.width - start.width];
      expect(height * width / 512 ** 2, id).toBeGreaterThan(0.6); // loose slices of other sources go down to 0.2
      expect((end.depth - start.depth) / count, id).toBeGreaterThan(0.8);
      for (const side of ["height", "width"] as const) {
        expect(Math.abs((start[side] + end[side]) / 1024 - 0.5), id).toBeLessThan(0.06);
      }
    }
    expect(kinds.lung).toBeGreaterThanOrEqual(4);
  });
});
