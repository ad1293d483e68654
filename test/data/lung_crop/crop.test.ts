import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { resizeBicubic } from "../../../lib/data/bicubic.ts";
import { openCache, volumeKey } from "../../../lib/data/cache.ts";
import { openDataset } from "../../../lib/data/dataset.ts";
import { type LocatedLung, locateLung } from "../../../lib/data/lung_crop/crop.ts";
import { lungMask } from "../../../lib/data/lung_crop/mod.ts";
import { decodeNpy } from "../../../lib/data/npy.ts";
import { generatePhantom } from "../../../lib/data/phantom/mod.ts";
import { preprocess } from "../../../lib/data/preprocess.ts";
import { loadScan, readSquares } from "../../../lib/data/read.ts";
import { scansFromPaths } from "../../../lib/data/scans_from_paths.ts";
import { formatRecipe, recipeFor } from "../../../lib/data/size.ts";
import type { Dataset, Scan } from "../../../lib/data/types.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { temporaryFolder } from "../support/datasets.ts";

const root = temporaryFolder();
let even: Dataset, severe: Dataset;
beforeAll(async () => {
  const small = { sliceSize: 96, depthScale: 0.08 };
  const [a, b] = [`${root}/even`, `${root}/severe`];
  await generatePhantom({ directory: a, scans: 11, seed: 21, ...small });
  const severityMix = { mild: 0, moderate: 0, severe: 1, critical: 1 };
  await generatePhantom({
    directory: b,
    scans: 10,
    seed: 22,
    sliceSize: 64,
    depthScale: 0.15,
    positiveShare: 0.8,
    severityMix,
  });
  [even, severe] = [await openDataset({ directory: a }), await openDataset({ directory: b })];
});

interface Truth {
  /** Share of the true lung's voxels that lie in the box. */
  readonly inBox: number;
  /** Dice coefficient of the mask and the true lung. */
  readonly dice: number;
  /** Extents of the true lung in voxels of 512 × 512 slices. */
  readonly start: readonly number[];
  readonly end: readonly number[];
}

function compare({ root }: Dataset, scan: Scan, { crop: { box }, lung }: LocatedLung): Truth {
  const file = `${root}/masks/${scan.key}-lung.npy`, { shape, data } = decodeNpy(Deno.readFileSync(file), file);
  const [depth = 0, height = 0, width = 0] = shape, scale = 512 / width;
  const start = [Infinity, Infinity, Infinity], end = [0, 0, 0];
  let all = 0, inBox = 0, inMask = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (data[(z * height + y) * width + x] === 0) continue;
        all++;
        const row = Math.floor((y + 0.5) * scale), column = Math.floor((x + 0.5) * scale);
        const isIn = z >= box.start.depth && z < box.end.depth && row >= box.start.height && row < box.end.height &&
          column >= box.start.width && column < box.end.width;
        if (isIn) inBox++;
        if (lung!.mask.has(z, row, column)) inMask++;
        [z, y * scale, x * scale].forEach((place, axis) => {
          start[axis] = Math.min(start[axis]!, place);
          end[axis] = Math.max(end[axis]!, place + (axis === 0 ? 1 : scale));
        });
      }
    }
  }
  const dice = 2 * inMask * scale ** 2 / (all * scale ** 2 + lung!.mask.count());
  return { inBox: inBox / all, dice, start, end };
}

test("more than 20 phantom scans: the box has the true lung and is hardly larger", async () => {
  const shares: { inBox: number; dice: number; presence: boolean }[] = [];
  for (const dataset of [even, severe]) {
    for (const scan of dataset.scans) {
      const { planes, count } = await readSquares(scan), located = locateLung(planes, count), { box } = located.crop;
      expect(located.crop.kind, scan.key).toBe("lung");
      const { start, end, ...share } = compare(dataset, scan, located);
      shares.push({ ...share, presence: scan.presence! });
      (["height", "width"] as const).forEach((side, i) => {
        const slack = 0.1 * (end[i + 1]! - start[i + 1]!);
        expect(start[i + 1]! - box.start[side], `${scan.key}: ${side}`).toBeLessThan(slack);
        expect(box.end[side] - end[i + 1]!, `${scan.key}: ${side}`).toBeLessThan(slack);
      });
      // Along the depth the windpipe above and gas in the stomach below may belong to the box.
      expect(start[0]! - box.start.depth).toBeLessThan(0.15 * count);
      expect(box.end.depth - end[0]!).toBeLessThan(0.15 * count);
    }
  }
  expect(shares.length).toBeGreaterThanOrEqual(20);
  for (const { inBox, presence } of shares) {
    // Some phantoms without COVID-19 have fluid that settles at the back, as grey as muscle: the box ends at its surface.
    expect(inBox).toBeGreaterThan(presence ? 0.99 : 0.85);
  }
  expect(shares.filter(({ inBox }) => inBox > 0.99).length).toBeGreaterThanOrEqual(16);
  expect(shares.reduce((sum, { dice }) => sum + dice, 0) / shares.length).toBeGreaterThan(0.85);
});

/** A cylinder of tissue on air with two dark ellipses; slices of 512 × 512. */
function chest({ depth = 6, lungs = 2, angle = 0, lungGrey = 40, body = 220, centre = 256 } = {}): Uint8Array {
  const planes = new Uint8Array(depth * 512 * 512), [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let i = 0; i < 512 * 512; i++) {
    const dx = (i % 512) - centre, dy = Math.floor(i / 512) - 256, u = cos * dx + sin * dy, v = cos * dy - sin * dx;
    const isBody = (u / 230) ** 2 + (v / 170) ** 2 < 1;
    const isLung = [-100, 100].slice(0, lungs).some((x) => ((u - x) / 75) ** 2 + (v / 110) ** 2 < 1);
    planes[i] = isLung ? lungGrey : isBody ? body : 10;
  }
  for (let z = 1; z < depth; z++) planes.copyWithin(z * 512 * 512, 0, 512 * 512);
  return planes;
}

describe("locateLung", () => {
  test("the box is around both lungs, with the ball's 3 voxels", () => {
    const { crop } = locateLung(chest(), 6);
    expect(crop).toMatchObject({ kind: "lung", dropped: [], threshold: 150, radius: 0 });
    expect(crop.box).toEqual({
      start: { depth: 0, height: 144, width: 79 },
      end: { depth: 6, height: 369, width: 434 },
    });
  });

  test("tilted by 20 degrees, one slice, and hazy lungs are found too", () => {
    for (const planes of [chest({ angle: 0.35 }), chest({ depth: 1 }), chest({ lungGrey: 130 })]) {
      expect(locateLung(planes, planes.length / 512 ** 2).crop.kind).toBe("lung");
    }
  });

  test("a dark channel from a lung to the air outside is closed by an opening", () => {
    const planes = chest();
    for (let y = 253; y < 259; y++) planes.fill(40, 3 * 512 ** 2 + y * 512, 3 * 512 ** 2 + y * 512 + 100);
    const { crop } = locateLung(planes, 6);
    expect(crop).toMatchObject({ kind: "lung", threshold: 90, radius: 5 });
    const { start, end } = crop.box;
    expect(start.width).toBeGreaterThan(55); // 79 without the channel, whose inner end is within the disc's reach
    expect([start.height, end.height, end.width]).toEqual([144, 369, 434]);
  });

  test.each<[name: string, planes: () => Uint8Array, reason: string]>([
    ["nothing but black", () => new Uint8Array(2 * 512 ** 2), "blank"],
    ["all air", () => new Uint8Array(2 * 512 ** 2).fill(40), "no-lungs"],
    ["all tissue", () => new Uint8Array(2 * 512 ** 2).fill(200), "no-lungs"],
    ["a body without lungs", () => chest({ lungs: 0 }), "no-lungs"],
    ["one lung", () => chest({ lungs: 1 }), "one-lung"],
    ["lungs cut by the border of the slices", () => chest({ centre: 60 }), "one-lung"],
    ["lungs wide open to the front in half of the slices", () => {
      const planes = chest();
      for (let row = 3 * 512; row < 6 * 512; row++) {
        if (row % 512 < 256) planes.fill(40, row * 512 + 90, row * 512 + 420);
      }
      return planes;
    }, "leak"],
  ])("%s: the whole slices, and why", (_name, planes, reason) => {
    const voxels = planes(), count = voxels.length / 512 ** 2, { crop, size } = locateLung(voxels, count);
    expect(crop).toEqual({
      kind: "whole",
      reason,
      dropped: [],
      box: { start: { depth: 0, height: 0, width: 0 }, end: { depth: count, height: 512, width: 512 } },
    });
    expect(size.depth).toBe(count);
  });

  test("blank slices are left out and named", () => {
    const planes = chest(), square = 512 ** 2;
    planes.fill(30, 0, square);
    planes.fill(0, 4 * square, 5 * square);
    const { crop, size } = locateLung(planes, 6);
    expect([crop.kind, crop.dropped, size.depth, crop.box.end.depth]).toEqual(["lung", [0, 4], 4, 4]);
  });
});

describe("a recipe with crop", () => {
  test("has a name and cache key of its own, and leaves those without a crop as they were", () => {
    const [plain, lung] = [recipeFor({ size: "8x16x16" }), recipeFor({ size: "8x16x16", crop: "lung" })];
    expect([plain, lung].map(formatRecipe)).toEqual(["8x16x16-float16", "8x16x16-float16-lung"]);
    expect(() => recipeFor({ size: "8x16x16", crop: "lung", distortion: true })).toThrow(ConfigError);
    // SHA-256 of [1,"abc",8,16,16,"float16",false]: volumes cached before there were crops are still found.
    expect(volumeKey("abc", plain)).toBe("92e57d3e2c372674365e51cfa096b5b7ee039c6b");
    expect(volumeKey("abc", lung)).not.toBe(volumeKey("abc", plain));
  });

  test("loads the lung's box in units of grey / 255; cached, it says what was cut out", async () => {
    const recipe = recipeFor({ size: "8x24x24", crop: "lung" }),
      scan = even.scans[0]!,
      cacheDirectory = temporaryFolder();
    const fresh = await loadScan(scan, recipe), plain = await loadScan(scan, recipeFor({ size: "8x24x24" }));
    expect([fresh.shape, fresh.intensity, fresh.crop?.kind]).toEqual([[8, 24, 24], "unit", "lung"]);
    const mean = (voxels: Float32Array) => voxels.reduce((sum, value) => sum + value, 0) / voxels.length;
    const { planes, count } = await readSquares(scan), { crop, voxels } = locateLung(planes, count);
    expect(fresh.crop).toEqual(crop);
    expect(fresh.voxels.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.abs(mean(fresh.voxels) - mean(plain.voxels))).toBeGreaterThan(0.02); // less air around
    expect(mean(Float32Array.from(voxels)) / 255).toBeGreaterThan(0.05);
    const dataset = { ...even, scans: [scan] };
    for (const state of ["made", "ready"] as const) {
      expect(await preprocess({ dataset, recipe, cacheDirectory, workers: 1 })).toMatchObject({
        [state]: 1,
        uncropped: [],
        failed: [],
      });
    }
    const cached = await (await openCache({ recipe, directory: cacheDirectory })).get(scan);
    expect([cached.voxels, cached.crop]).toEqual([fresh.voxels, crop]);
  });

  test("a scan without lungs is resized whole, not zero, and listed every time", async () => {
    const recipe = recipeFor({ size: "4x16x16", crop: "lung", dtype: "float32" }), cacheDirectory = temporaryFolder();
    const folder = temporaryFolder(), grey = { r: 128, g: 128, b: 128 };
    for (const name of ["1.png", "2.png"]) {
      await sharp({ create: { width: 60, height: 40, channels: 3, background: grey } }).png().toFile(
        `${folder}/${name}`,
      );
    }
    const scans = await scansFromPaths([folder]);
    const { voxels, crop } = await loadScan(scans[0]!, recipe);
    expect(crop).toMatchObject({ kind: "whole", reason: "no-lungs" });
    expect(voxels.every((value) => Math.abs(value - 128 / 255) < 1e-6)).toBe(true);
    for (let i = 0; i < 2; i++) {
      const { uncropped } = await preprocess({
        dataset: { root: "", scans, notes: [] },
        recipe,
        cacheDirectory,
        workers: 1,
      });
      expect(uncropped).toEqual([{ scan: scans[0]!.key, reason: "no-lungs" }]);
    }
  });
});

test("lungMask: on the slices as they are, in the places of the true lung", async () => {
  const scan = even.scans[1]!,
    images = await Promise.all(scan.slices.map(async (name) => {
      const { data, info } = await sharp(`${scan.folder}/${name}`).greyscale().raw().toBuffer({
        resolveWithObject: true,
      });
      return { pixels: new Uint8Array(data), width: info.width, height: info.height };
    }));
  const voxels = new Uint8Array(images.length * 96 * 96);
  images.forEach((image, z) => voxels.set(resizeBicubic(image, 96, 96).pixels, z * 96 * 96));
  const { mask, crop } = lungMask({ voxels, shape: [images.length, 96, 96] });
  expect(crop.kind).toBe("lung");
  const { data } = decodeNpy(Deno.readFileSync(`${even.root}/masks/${scan.key}-lung.npy`));
  let both = 0, sum = 0;
  for (let i = 0; i < mask.length; i++) {
    both += mask[i]! * data[i]!;
    sum += mask[i]! + data[i]!;
  }
  expect(2 * both / sum).toBeGreaterThan(0.75); // Dice
  expect(lungMask({ voxels: new Uint8Array(2 * 30 * 20), shape: [2, 30, 20] })).toMatchObject({
    crop: { reason: "blank" },
  });
});
