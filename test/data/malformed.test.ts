/** What broken data gives: every case is a typed error that names the file, or a recorded skip. */
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { openCache } from "../../lib/data/cache.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { decodeImage, readImage } from "../../lib/data/image.ts";
import { decodeNpy, encodeNpy } from "../../lib/data/npy.ts";
import { loadScan } from "../../lib/data/read.ts";
import { scansFromPaths } from "../../lib/data/scans_from_paths.ts";
import { parseSize, recipeFor } from "../../lib/data/size.ts";
import type { Scan } from "../../lib/data/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { fixtures } from "./support/goldens.ts";
import { sliceImage, temporaryFolder, writeDataset, writeScan, writeTree } from "./support/datasets.ts";

const bytesOf = (...numbers: number[]) => Uint8Array.from(numbers);
const recipe = recipeFor({ size: "4x8x8" });

/** The typed error that `work` ends with. */
async function failure(work: () => unknown): Promise<Cov3dError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Cov3dError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** A PNG that claims a size; its pixel data are a few bytes. */
async function pngClaiming(width: number, height: number): Promise<Uint8Array> {
  const png = await sliceImage({ format: "png" }), view = new DataView(png.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc32(png.subarray(12, 29)));
  return png;
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

let jpeg: Uint8Array<ArrayBuffer>, png: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  jpeg = await sliceImage({ width: 64, height: 64 });
  png = await sliceImage({ width: 64, height: 64, format: "png" });
});

/** Position of a JPEG marker. */
const markerAt = (bytes: Uint8Array, marker: number) =>
  bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === marker);

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

describe("images", () => {
  const cases: Record<string, [code: string, () => Uint8Array | Promise<Uint8Array>]> = {
    "zero bytes": ["image-empty", () => bytesOf()],
    "one byte": ["image-format", () => bytesOf(0xff)],
    "text named .jpg": ["image-format", () => new TextEncoder().encode("<html>not found</html>")],
    "a GIF named .jpg": ["image-format", () => new TextEncoder().encode("GIF89a\x01\x00\x01\x00\x00\x00\x00;")],
    "a TIFF named .jpg": ["image-format", () => bytesOf(0x49, 0x49, 42, 0, 8, 0, 0, 0, 0, 0)],
    "a DICOM named .jpg": ["image-format", () => new Uint8Array([...new Uint8Array(128), 0x44, 0x49, 0x43, 0x4d])],
    "an SVG named .png": ["image-format", () => new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    "only a JPEG's first marker": ["image-format", () => bytesOf(0xff, 0xd8)],
    "a JPEG that ends inside its header": ["image-format", () => jpeg.subarray(0, 30)],
    "a JPEG without a frame header": ["image-format", () => bytesOf(0xff, 0xd8, 0xff, 0xd9, 0, 0)],
    "a JPEG with garbage between segments": ["image-format", () => withByte(jpeg, markerAt(jpeg, 0xc0), 0x00)],
    "a JPEG cut in the middle of its pixels": ["image-damaged", () => jpeg.subarray(0, jpeg.length >> 1)],
    "a JPEG without its last bytes": ["image-damaged", () => jpeg.subarray(0, jpeg.length - 20)],
    "a JPEG whose pixels were overwritten": [
      "image-damaged",
      () => jpeg.map((byte, i) => (i > jpeg.length - 900 ? 0xff : byte)),
    ],
    "a JPEG of no rows": ["image-dimensions", () => {
      const at = markerAt(jpeg, 0xc0);
      return withByte(withByte(jpeg, at + 5, 0), at + 6, 0);
    }],
    "a JPEG of 65535 columns": ["image-too-large", () => {
      const at = markerAt(jpeg, 0xc0);
      return withByte(withByte(jpeg, at + 7, 0xff), at + 8, 0xff);
    }],
    "a JPEG of 12 bits": ["image-damaged", () => withByte(jpeg, markerAt(jpeg, 0xc0) + 4, 12)],
    "a JPEG without quantisation tables": ["image-damaged", () => withByte(jpeg, markerAt(jpeg, 0xdb) + 1, 0xe5)],
    "only a PNG's signature": ["image-format", () => png.subarray(0, 8)],
    "a PNG of unknown colour type": ["image-format", () => withByte(png, 25, 5)],
    "a PNG cut in the middle of its pixels": ["image-damaged", () => png.subarray(0, png.length >> 1)],
    "a PNG with a flipped pixel bit": [
      "image-damaged",
      () => withByte(png, png.length >> 1, png[png.length >> 1]! ^ 0x10),
    ],
    "a PNG whose header checksum is wrong": ["image-damaged", () => withByte(png, 30, png[30]! ^ 1)],
    "a PNG of no columns": ["image-dimensions", () => pngClaiming(0, 16)],
    "a PNG bomb of 60000×60000": ["image-too-large", () => pngClaiming(60_000, 60_000)],
    "a PNG bomb of 2³¹ rows": ["image-too-large", () => pngClaiming(16, 2 ** 31 - 1)],
    "a PNG within the limits that has no such pixels": ["image-damaged", () => pngClaiming(8000, 8000)],
  };
  test.each(Object.entries(cases))("%s", async (_, [code, make]) => {
    const file = `${temporaryFolder()}/7.jpg`;
    Deno.writeFileSync(file, await make());
    expect(await failure(() => readImage(file))).toMatchObject({ name: "DataError", code, file });
  });

  test("a JPEG that claims more rows than it has is read as Pillow reads it, but not strictly", async () => {
    const bytes = withByte(jpeg, markerAt(jpeg, 0xc0) + 5, 0x02);
    expect((await decodeImage(bytes, "7.jpg")).height).toBe(512 + 64);
    expect(await failure(() => decodeImage(bytes, "7.jpg", { strict: true }))).toMatchObject({ code: "image-damaged" });
  });

  test("a link to nothing", async () => {
    const file = `${temporaryFolder()}/7.jpg`;
    Deno.symlinkSync("/nowhere/7.jpg", file);
    expect(await failure(() => readImage(file))).toMatchObject({ code: "image-missing", file });
  });

  test("a folder named like a slice is not a slice; read as one it is an error", async () => {
    const folder = await writeScan(temporaryFolder(), 2);
    Deno.mkdirSync(`${folder}/2.jpg`);
    expect((await scansFromPaths([folder]))[0]).toMatchObject({ slices: ["0.jpg", "1.jpg"], ignored: 1 });
    expect(await failure(() => readImage(`${folder}/2.jpg`))).toMatchObject({ code: "image-unreadable" });
  });
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

test.each(["", "64", "64x128", "0x8x8", "64x128x99999", "-1x2x3", "1.5x2x3", "tiny", "64x128x128x2", "4096x4096x4096"])(
  "size %j",
  async (text) => {
    expect(await failure(() => parseSize(text))).toMatchObject({ name: "ConfigError", code: "size-invalid" });
  },
);

test("sharp itself refuses more pixels than the limit", async () => {
  await expect(sharp(await pngClaiming(12_000, 12_000), { limitInputPixels: 1e6 }).raw().toBuffer()).rejects.toThrow();
});
