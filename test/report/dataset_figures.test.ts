import { expect, test } from "vitest";
import { join } from "node:path";
import sharp from "sharp";
import { openDataset } from "../../lib/data/dataset.ts";
import { encodeNpy } from "../../lib/data/npy.ts";
import { scanOverlay } from "../../lib/evaluate/saliency/scan_overlay.ts";
import { recipeFor } from "../../lib/data/size.ts";
import { svgToPng } from "../../lib/report/figure.ts";
import { scanMontage } from "../../lib/report/figures/scan_montage.ts";
import { sizeComparison } from "../../lib/report/figures/size_comparison.ts";
import { sliceGallery } from "../../lib/report/figures/slice_gallery.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

const tiny = async (directory: string) =>
  (await openDataset({ directory: await writeTinyDataset({ directory, train: 2, validation: 2 }) })).scans;

test("gallery: middle slices with class and grade, the slice with most lesion where there is a mask", () =>
  withTemporaryFolder(async (directory) => {
    const scans = await tiny(directory), [graded] = scans;
    const { rows, svg, caption } = await sliceGallery({ scans, columns: 2 });
    expect(rows.map(({ scan, kind, slice }) => [scan, kind, slice]).slice(0, 3)).toEqual([
      ["train/covid/ct_scan_1", "mild", 2],
      ["train/covid/ct_scan_2", "ungraded", 2],
      ["train/non-covid/ct_scan_1", "negative", 2],
    ]);
    expect(svg).toContain("COVID-19, mild");
    expect(caption).toContain("middle slice");
    expect((await sharp(await svgToPng(svg, 1)).metadata()).width).toBe(20 + 2 * 180 + 14);

    const lesion = new Uint8Array(4 * 32 * 32);
    lesion.fill(1, 32 * 32, 32 * 32 + 9); // nine voxels in slice 1
    await Deno.mkdir(join(directory, "masks/train/covid"), { recursive: true });
    const file = join(directory, `masks/${graded!.key}-lesion.npy`);
    await Deno.writeFile(file, encodeNpy({ shape: [4, 32, 32], data: lesion }));
    const outlined = await sliceGallery({ scans: [graded!], root: directory });
    expect(outlined.rows[0]!.slice).toBe(1);
    expect(outlined.caption).toContain("orange");
  }));

test("sizes: the source first, then each size with its voxels and memory", () =>
  withTemporaryFolder(async (directory) => {
    const [scan] = await tiny(directory);
    const sizes = [{ depth: 8, height: 16, width: 16 }, { depth: 64, height: 128, width: 128 }];
    const { rows, svg } = await sizeComparison({ scan: scan!, sizes });
    expect(rows).toEqual([
      { size: "source", depth: 4, height: 32, width: 32, voxels: 4096, mebibytes_float16: 2 ** -7 },
      { size: "size", depth: 8, height: 16, width: 16, voxels: 2048, mebibytes_float16: 2 ** -8 },
      { size: "small", depth: 64, height: 128, width: 128, voxels: 2 ** 20, mebibytes_float16: 2 },
    ]);
    expect(svg.match(/<image /g)).toHaveLength(9);
    await expect(sizeComparison({ scan: { ...scan!, slices: [] } })).rejects.toMatchObject({ code: "scan-empty" });
  }));

test("slices of different sizes are shown at the first one's, and the title says so", () =>
  withTemporaryFolder(async (directory) => {
    const [scan] = await tiny(directory);
    expect((await scanMontage({ scan: scan! })).title).not.toContain("one size");
    await sharp({ create: { width: 20, height: 50, channels: 3, background: "#808080" } }).jpeg()
      .toFile(join(scan!.folder, "3.jpg"));
    const { title, rows } = await scanMontage({ scan: scan! });
    expect(title).toContain("4 of 4 slices, brought to one size");
    expect(rows[2]).toMatchObject({ slice: 2, mean: 128 });
  }));

test("overlay: one value for each voxel of the scan, 1 at the largest cell, nothing below 0", () =>
  withTemporaryFolder(async (directory) => {
    const [scan] = await tiny(directory), slices = scan!.slices;
    const result = (values: number[]) => ({
      recipe: recipeFor({ size: { depth: 4, height: 32, width: 32 } }),
      scans: [
        {
          scan: scan!,
          slices,
          logits: [1],
          explained: "presence",
          probability: 0.7,
          random: [],
          map: {
            values: Float32Array.from(values),
            shape: [2, 1, 1] as const,
            stride: [3, 32, 32] as const,
            origin: [0, 15.5, 15.5] as const,
          },
        } as const,
      ],
    });
    const overlay = await scanOverlay(result([-2, 4]));
    expect(overlay).toHaveLength(4 * 32 * 32);
    const planes = [0, 1, 2, 3].map((slice) => overlay[slice * 32 * 32 + 500]!);
    [0, 0, 0.5, 1].forEach((value, i) => expect(planes[i]).toBeCloseTo(value, 6));
    expect((await scanOverlay(result([-1, -1]))).every((value) => value === 0)).toBe(true);
    await expect(scanOverlay(result([1, 1]), 1)).rejects.toMatchObject({ code: "saliency.scan" });
  }));
