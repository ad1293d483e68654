/** The way from a grid of cells back to a scan's slices, and the numbers taken there. */
import { expect, test } from "vitest";
import { join } from "node:path";
import sharp from "sharp";
import { distort, undistort } from "../../../lib/data/distortion.ts";
import { loadScan } from "../../../lib/data/read.ts";
import { scansFromPaths } from "../../../lib/data/scans_from_paths.ts";
import { recipeFor } from "../../../lib/data/size.ts";
import { type GridMap, gridPlaces, mapSlice } from "../../../lib/evaluate/saliency/grid_map.ts";
import { lesionRatio, type MaskedSlice } from "../../../lib/evaluate/saliency/lesion_ratio.ts";
import { rankCorrelation } from "../../../lib/evaluate/saliency/rank_correlation.ts";
import { randomStream } from "../../../lib/random.ts";
import { withTemporaryFolder } from "../../support/tiny_dataset.ts";

const size = { depth: 16, height: 32, width: 64 };

/** Each cell holds its own place in the input along one axis. */
function rampMap(axis: 0 | 1 | 2): GridMap {
  const shape = [8, 8, 16] as const, stride = [2, 4, 4] as const, origin = [0, 0, 0] as const;
  const values = Float32Array.from({ length: 8 * 8 * 16 }, (_, i) => {
    const place = [Math.floor(i / 128), Math.floor(i / 16) % 8, i % 16] as const;
    return place[axis] * stride[axis];
  });
  return { values, shape, stride, origin };
}

test("slices, rows and columns lie where preprocessing took them from", () => {
  const recipe = recipeFor({ size }), scan = [31, 64, 128] as const;
  const at = (axis: 0 | 1 | 2, slice: number, row: number, column: number) => {
    const map = rampMap(axis);
    return mapSlice(map, gridPlaces(map, scan, recipe), slice)[row * 128 + column]!;
  };
  expect(at(0, 0, 5, 5)).toBe(0);
  expect(at(0, 10, 5, 5)).toBeCloseTo(5, 5); // 10/30 · 15
  expect(at(0, 30, 5, 5)).toBe(14); // beyond the last cell's centre: held
  expect(at(1, 3, 20, 5)).toBeCloseTo(9.75, 5); // (20 + ½)·32/64 − ½
  expect(at(2, 3, 20, 77)).toBeCloseTo(38.25, 5);
  expect(at(2, 3, 20, 0)).toBe(0);
  const one = gridPlaces(rampMap(0), [1, 64, 128], recipe);
  expect(one.depth[0]).toBeCloseTo(7.5 / 2, 6);
});

test("distortion is undone", () => {
  for (const t of [-1, -0.7, -0.01, 0, 0.3, 1]) {
    expect(undistort(distort(t))).toBeCloseTo(t, 12);
    expect(undistort(distort(t, 1 / 3), 1 / 3)).toBeCloseTo(t, 12);
  }
});

for (const distortion of [false, true]) {
  test(`a bright spot goes through preprocessing and back to its place${distortion ? ", with distortion" : ""}`, () =>
    withTemporaryFolder(async (folder) => {
      const spot = { slice: 7, row: 60, column: 30 }, slices = 20, height = 80, width = 96;
      for (let slice = 0; slice < slices; slice++) {
        const pixels = Uint8Array.from({ length: height * width }, (_, i) => {
          const distance = Math.hypot(
            (slice - spot.slice) * 4,
            Math.floor(i / width) - spot.row,
            i % width - spot.column,
          );
          return 250 * Math.exp(-((distance / 9) ** 2));
        });
        await sharp(pixels, { raw: { width, height, channels: 1 } }).png().toFile(join(folder, `${slice}.png`));
      }
      const [scan] = await scansFromPaths([folder]);
      const recipe = recipeFor({ size: { depth: 24, height: 40, width: 48 }, distortion });
      const { voxels, shape } = await loadScan(scan!, recipe);
      const map: GridMap = { values: voxels, shape, stride: [1, 1, 1], origin: [0, 0, 0] };
      const places = gridPlaces(map, [slices, height, width], recipe);
      let best = { value: -1, slice: -1, row: -1, column: -1 };
      for (let slice = 0; slice < slices; slice++) {
        mapSlice(map, places, slice).forEach((value, i) => {
          if (value > best.value) best = { value, slice, row: Math.floor(i / width), column: i % width };
        });
      }
      expect(Math.abs(best.slice - spot.slice)).toBeLessThanOrEqual(1);
      expect(Math.abs(best.row - spot.row)).toBeLessThanOrEqual(1);
      expect(Math.abs(best.column - spot.column)).toBeLessThanOrEqual(1);
    }));
}

test("a lung crop: places count within the box, blank slices and the rest of the scan get nothing", () => {
  const crop = {
    kind: "lung",
    box: { start: { depth: 1, height: 128, width: 0 }, end: { depth: 9, height: 384, width: 256 } },
    dropped: [0, 5],
  } as const;
  const recipe = recipeFor({ size: { depth: 16, height: 32, width: 64 }, crop: "lung" });
  const places = gridPlaces(rampMap(1), [12, 64, 64], recipe, crop);
  // slices 1, 2, 3 … are 0, 1, 2 … of those kept; 1 … 8 of those are in the box, resized to 16
  expect([0, 1, 5, 11].map((slice) => places.depth[slice])).toEqual([NaN, NaN, NaN, NaN]);
  expect([2, 6, 10].map((slice) => places.depth[slice]! * 2)).toEqual([0.5, 6.5, 14]);
  // row 16 of 64 has its centre at 131.5 of 512, 3.5 of the box's 256, which became 32
  expect(places.rows[16]).toBeCloseTo(0, 10);
  expect(places.rows[24]! * 4).toBeCloseTo((24.5 * 8 - 128) / 8 - 0.5, 10);
  expect(places.rows[15]).toBeNaN();
  expect(places.columns[32]).toBeNaN();
  const map = mapSlice({ ...rampMap(1), values: rampMap(1).values.fill(1) }, places, 6);
  expect(map.reduce((sum, value) => sum + value, 0)).toBe(32 * 32);
});

/** 100 × 100 voxels, all lung but the first 1000, every tenth column a lesion. */
function slices(map: (lesion: boolean, i: number) => number): MaskedSlice[] {
  return [0, 1].map((half) => {
    const index = (i: number) => half * 5000 + i, isLesion = (i: number) => i % 10 === 3;
    const make = (value: (i: number) => number) => Array.from({ length: 5000 }, (_, i) => value(index(i)));
    return {
      map: Float32Array.from(make((i) => i < 1000 ? 1e6 : map(isLesion(i), i))),
      lung: make((i) => i < 1000 ? 0 : 1),
      lesion: make((i) => isLesion(i) ? 1 : 0),
    };
  });
}

test("lesion ratio: ceiling for a perfect map, 1 for one that says nothing, 0 for one that avoids lesions", () => {
  const perfect = lesionRatio(slices((lesion, i) => (lesion ? 1 : 0) + i * 1e-9));
  expect(perfect).toMatchObject({ lesionShare: 0.1, hotLesionShare: 1, lungVoxels: 9000 });
  expect(perfect.ratio).toBeCloseTo(10, 10);
  expect(perfect.ceiling).toBeCloseTo(10, 10);
  expect(lesionRatio(slices(() => 0)).ratio).toBeCloseTo(1, 10);
  expect(lesionRatio(slices((lesion, i) => lesion ? 0 : 1 + i)).ratio).toBe(0);
  const random = randomStream(1, "map");
  expect(Math.abs(lesionRatio(slices(() => random.uniform())).ratio! - 1)).toBeLessThan(0.3);
});

test("lesion ratio: ties at the edge count by the share of them that fits", () => {
  // 90 lesion voxels above all, the other 360 of the hottest 450 out of ties of which 810 of 8910 are lesions
  let above = 0;
  const { ratio } = lesionRatio(slices((lesion) => lesion && above++ < 90 ? 2 : 1));
  expect(ratio).toBeCloseTo((90 + 360 * 810 / 8910) / 450 / 0.1, 6);
  expect(lesionRatio([{ map: Float32Array.of(1), lung: [1], lesion: [0] }]).ratio).toBeNull();
  expect(lesionRatio([]).ratio).toBeNull();
});

test("rank correlation is Spearman's, with mean ranks for ties", () => {
  expect(rankCorrelation([1, 2, 3, 4], [10, 20, 30, 400])).toBeCloseTo(1, 12);
  expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1])).toBeCloseTo(-1, 12);
  // numpy.corrcoef of scipy.stats.rankdata, which is what spearmanr is
  expect(rankCorrelation([1, 2, 2, 4, 0], [1, 3, 2, 4, 2.5])).toBeCloseTo(0.6155870112510925, 12);
  expect(rankCorrelation([1, 1], [1, 2])).toBeNull();
});
