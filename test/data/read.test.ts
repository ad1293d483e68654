import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { GreyImage } from "../../lib/data/bicubic.ts";
import { loadScan } from "../../lib/data/read.ts";
import { normalize, originalStatistics, resampleDepth, resamplePlane, windowHu } from "../../lib/data/resample.ts";
import { scansFromPaths } from "../../lib/data/scans_from_paths.ts";
import { formatRecipe, parseSize, recipeFor } from "../../lib/data/size.ts";
import { expectClose } from "../support/engines.ts";
import { oracle } from "../support/oracles.ts";
import { temporaryFolder, writeScan } from "./support/datasets.ts";

const { inputs: { A, width, depth }, expected, tol } = oracle("preproc.scan");
const rows = A as number[][];
const threeSlices = [rows, rows.toReversed(), rows[0]!.map((_, x) => rows.map((row) => row[x]!))];
const images = threeSlices.map((slice): GreyImage => ({ pixels: Uint8Array.from(slice.flat()), width: 8, height: 8 }));
const recipe = recipeFor({ size: { depth, height: width, width }, dtype: "float32" });

describe("oracle preproc.scan", () => {
  test("in float64", () => {
    const planes = new Uint8Array(3 * width * width);
    images.forEach((image, i) =>
      resamplePlane(image, recipe, planes.subarray(i * width * width, (i + 1) * width * width))
    );
    const volume = resampleDepth(planes, 3, recipe, new Float64Array(depth * width * width));
    expectClose(volume, expected.volume.flat(2), tol, 0);
  });

  test("from PNG files, as float32 and float16", async () => {
    const folder = temporaryFolder();
    for (const [i, { pixels }] of images.entries()) {
      const image = sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toColourspace("b-w").png();
      Deno.writeFileSync(`${folder}/${i + 9}.png`, new Uint8Array(await image.toBuffer()));
    }
    const [scan] = await scansFromPaths([folder]);
    const single = await loadScan(scan!, recipe);
    expect(single).toMatchObject({ shape: expected.shape_DHW, intensity: "unit", source: folder, skipped: [] });
    expect(single.voxels).toEqual(Float32Array.from(expected.volume.flat(2)));
    const half = await loadScan(scan!, { ...recipe, dtype: "float16" });
    expect([...half.voxels.subarray(0, 4)]).toEqual(expected.first_row_float16);
    expect(half.voxels).toEqual(Float32Array.from(new Float16Array(expected.volume.flat(2))));
  });
});

test("oracle preproc.normalize", () => {
  const { inputs: { mean, std, x }, expected: { y }, tol } = oracle("preproc.normalize");
  expect(originalStatistics).toEqual({ mean, standardDeviation: std });
  expectClose(normalize(Float64Array.from(x)), y, tol, 0);
});

test("oracle preproc.hu_window", () => {
  const { inputs: { hu }, expected: { unit }, tol } = oracle("preproc.hu_window");
  expectClose(hu.map((value: number) => windowHu(value)), unit, tol, 0);
});

describe("loadScan", () => {
  test("one slice is repeated along depth", async () => {
    const [scan] = await scansFromPaths([await writeScan(temporaryFolder(), 1)]);
    const { voxels } = await loadScan(scan!, recipeFor({ size: "3x8x8" }));
    expect(voxels.subarray(64, 128)).toEqual(voxels.subarray(0, 64));
    expect(voxels.subarray(128)).toEqual(voxels.subarray(0, 64));
    expect(new Set(voxels).size).toBeGreaterThan(10);
  });

  test("depth follows the numbers in the names, not their spelling", async () => {
    const folder = await writeScan(temporaryFolder(), 12);
    const [scan] = await scansFromPaths([folder]);
    expect(scan!.slices.slice(0, 3)).toEqual(["0.jpg", "1.jpg", "2.jpg"]);
    const recipe = recipeFor({ size: "12x8x8", dtype: "float32" });
    const all = await loadScan(scan!, recipe), third = await loadScan({ ...scan!, slices: ["2.jpg"] }, recipe);
    expectClose(all.voxels.subarray(128, 192), third.voxels.subarray(0, 64), 1e-6, 0);
  });

  test("uint8 clips and rounds, distortion changes the volume, and both say so in the name", async () => {
    const [scan] = await scansFromPaths([await writeScan(temporaryFolder(), 6)]);
    const plain = recipeFor({ size: "9x8x8", dtype: "uint8" }),
      distorted = recipeFor({ size: "9x8x8", distortion: true });
    const { voxels } = await loadScan(scan!, plain);
    expect(voxels.every((value) => value >= 0 && value <= 1 && Math.abs(value * 255 - Math.round(value * 255)) < 1e-4))
      .toBe(true);
    const other = await loadScan(scan!, distorted);
    expect(other.voxels.every((value, i) => Math.abs(value - voxels[i]!) < 0.01)).toBe(false);
    expect([plain, distorted].map(formatRecipe)).toEqual(["9x8x8-uint8", "9x8x8-float16-distorted"]);
  });

  test("the order in which slices are decoded changes nothing", async () => {
    const [scan] = await scansFromPaths([await writeScan(temporaryFolder(), 9, { width: 40, height: 30 })]);
    const one = await loadScan(scan!, recipe, { concurrency: 1 }),
      many = await loadScan(scan!, recipe, { concurrency: 9 });
    expect(many.voxels).toEqual(one.voxels);
  });

  test("an aborted signal stops the reading", async () => {
    const [scan] = await scansFromPaths([await writeScan(temporaryFolder(), 3)]);
    await expect(loadScan(scan!, recipe, { signal: AbortSignal.abort() })).rejects.toThrow("abort");
  });
});

test("sizes by name and by number", () => {
  expect(["small", "medium", "large", "16x32x48", " 8×9×10 "].map(parseSize)).toEqual([
    { depth: 64, height: 128, width: 128 },
    { depth: 128, height: 256, width: 256 },
    { depth: 160, height: 320, width: 320 },
    { depth: 16, height: 32, width: 48 },
    { depth: 8, height: 9, width: 10 },
  ]);
});
