/** Broken scans and dataset folders: every case is a typed error that names the file, or a recorded skip. */
import { beforeAll, describe, expect, test } from "vitest";
import { openDataset } from "../../../lib/data/dataset.ts";
import { loadScan } from "../../../lib/data/read.ts";
import { scansFromPaths } from "../../../lib/data/scans_from_paths.ts";
import { parseSize, recipeFor } from "../../../lib/data/size.ts";
import type { Scan } from "../../../lib/data/types.ts";
import { bytesOf, failure } from "../support/damage.ts";
import { sliceImage, temporaryFolder, writeDataset, writeScan, writeTree } from "../support/datasets.ts";
import { fixtures } from "../support/goldens.ts";

const recipe = recipeFor({ size: "4x8x8" });

let jpeg: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  jpeg = await sliceImage({ width: 64, height: 64 });
});

describe("scans", () => {
  const damagedScan = async (): Promise<Scan> => {
    const folder = await writeScan(temporaryFolder(), 4, { width: 64, height: 64 });
    Deno.writeFileSync(`${folder}/1.jpg`, jpeg.subarray(0, jpeg.length >> 1));
    Deno.writeFileSync(`${folder}/3.jpg`, bytesOf());
    return (await scansFromPaths([folder]))[0]!;
  };

  test("one damaged slice among good ones is an error by default", async () => {
    const scan = await damagedScan();
    expect((await failure(() => loadScan(scan, recipe))).code).toMatch(/^image-(damaged|empty)$/);
  });

  test("and a recorded skip where asked; the rest makes the volume", async () => {
    const scan = await damagedScan();
    const volume = await loadScan(scan, recipe, { skipUnreadable: true });
    expect(volume.skipped.map(({ slice, code }) => [slice, code])).toEqual([["1.jpg", "image-damaged"], [
      "3.jpg",
      "image-empty",
    ]]);
    const good = await loadScan({ ...scan, slices: ["0.jpg", "2.jpg"] }, recipe);
    expect(volume.voxels).toEqual(good.voxels);
  });

  test("nothing but unreadable slices", async () => {
    const folder = writeTree(temporaryFolder(), { "0.jpg": "", "1.jpg": "x" });
    const [scan] = await scansFromPaths([folder]);
    expect(await failure(() => loadScan(scan!, recipe, { skipUnreadable: true }))).toMatchObject({
      code: "scan-unreadable",
      file: folder,
    });
  });

  test("no slices", async () => {
    const scan: Scan = {
      id: "s",
      key: "s",
      split: "x",
      severity: "undefined",
      folder: temporaryFolder(),
      slices: [],
      ignored: 2,
    };
    expect(await failure(() => loadScan(scan, recipe))).toMatchObject({ code: "scan-empty", file: scan.folder });
  });

  test("a slice removed after indexing", async () => {
    const folder = await writeScan(temporaryFolder(), 3);
    const [scan] = await scansFromPaths([folder]);
    Deno.removeSync(`${folder}/1.jpg`);
    expect(await failure(() => loadScan(scan!, recipe))).toMatchObject({
      code: "image-missing",
      file: `${folder}/1.jpg`,
    });
  });

  test("slices of every mode and size mixed in one scan are fine", async () => {
    const folder = temporaryFolder();
    const modes = [...Deno.readDirSync(`${fixtures}modes`)].filter(({ name }) => name.endsWith(".jpg"));
    modes.forEach(({ name }, i) => Deno.copyFileSync(`${fixtures}modes/${name}`, `${folder}/${i}.jpg`));
    Deno.writeFileSync(`${folder}/99.jpg`, jpeg);
    expect((await loadScan((await scansFromPaths([folder]))[0]!, recipe)).shape).toEqual([4, 8, 8]);
  });
});

describe("dataset folders", () => {
  const trees: Record<string, [code: string, Record<string, string>]> = {
    "an empty folder": ["dataset-empty", {}],
    "a file named like a split": ["folder-is-file", { "train": "", "validation/covid/ct_scan_0/0.jpg": "" }],
    "a split given instead of the folder above": ["dataset-empty", {
      "covid/ct_scan_0/0.jpg": "",
      "non-covid/ct_scan_1/0.jpg": "",
    }],
    "scans given instead of a dataset": ["dataset-empty", { "ct_scan_0/0.jpg": "" }],
    "no non-covid folder": ["class-missing", { "train/covid/ct_scan_0/0.jpg": "" }],
    "no covid folder": ["class-missing", { "train/non-covid/ct_scan_0/0.jpg": "" }],
    "neither class folder": ["class-missing", { "train/positive/ct_scan_0/0.jpg": "" }],
    "a file where a class folder should be": ["class-missing", {
      "train/covid/ct_scan_0/0.jpg": "",
      "train/non-covid": "",
    }],
    "a class folder without scans": ["class-empty", {
      "train/covid/ct_scan_0/0.jpg": "",
      "train/non-covid/readme.txt": "",
    }],
    "the same split under two names": ["split-duplicate", {
      "train/covid/ct_scan_0/0.jpg": "",
      "train/non-covid/ct_scan_0/0.jpg": "",
      "train_cov19d/covid/ct_scan_0/0.jpg": "",
      "train_cov19d/non-covid/ct_scan_0/0.jpg": "",
    }],
  };
  test.each(Object.entries(trees))("%s", async (_, [code, files]) => {
    const directory = writeTree(temporaryFolder(), files);
    const error = await failure(() => openDataset({ directory }));
    expect(error).toMatchObject({ name: "DataError", code });
    expect(error.file).toContain(directory);
  });

  test("no such folder, and a file instead of one", async () => {
    const folder = writeTree(temporaryFolder(), { "file": "" });
    expect(await failure(() => openDataset({ directory: `${folder}/none` }))).toMatchObject({ code: "folder-missing" });
    expect(await failure(() => openDataset({ directory: `${folder}/file` }))).toMatchObject({ code: "folder-is-file" });
  });

  test("a link to nothing where a scan should be", async () => {
    const root = await writeDataset();
    Deno.symlinkSync("/nowhere/ct_scan_9", `${root}/train/covid/ct_scan_9`);
    expect(await failure(() => openDataset({ directory: root }))).toMatchObject({ code: "folder-link" });
  });

  test.skipIf(Deno.uid() === 0 || Deno.build.os === "windows")("an unreadable folder (not as root)", async () => {
    const root = await writeDataset();
    Deno.chmodSync(`${root}/train/covid/ct_scan_0`, 0o000);
    const error = await failure(() => openDataset({ directory: root }));
    Deno.chmodSync(`${root}/train/covid/ct_scan_0`, 0o700);
    expect(error).toMatchObject({ code: "folder-unreadable", file: `${root}/train/covid/ct_scan_0` });
  });

  test("paths for prediction: missing, empty, or images that are not numbered", async () => {
    const folder = writeTree(temporaryFolder(), { "images/a.jpg": "", "images/b.jpg": "", "other/readme": "" });
    expect(await failure(() => scansFromPaths([`${folder}/none`]))).toMatchObject({ code: "path-missing" });
    expect(await failure(() => scansFromPaths([`${folder}/other`]))).toMatchObject({ code: "path-empty" });
    expect((await failure(() => scansFromPaths([`${folder}/images`]))).hint).toContain("Rename");
  });
});

test.each(["", "64", "64x128", "0x8x8", "64x128x99999", "-1x2x3", "1.5x2x3", "tiny", "64x128x128x2", "4096x4096x4096"])(
  "size %j",
  async (text) => {
    expect(await failure(() => parseSize(text))).toMatchObject({ name: "ConfigError", code: "size-invalid" });
  },
);
