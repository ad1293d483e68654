import { expect, test } from "vitest";
import { join } from "node:path";
import sharp from "sharp";
import type { Scan } from "../../../lib/data/types.ts";
import { saliencyOverlay } from "../../../lib/evaluate/saliency/overlay.ts";
import { scanOverlay } from "../../../lib/evaluate/saliency/scan_overlay.ts";
import type { SaliencyResult } from "../../../lib/evaluate/saliency/saliency.ts";
import { recipeFor } from "../../../lib/data/size.ts";
import { parseTrainConfig } from "../../../lib/train/config.ts";
import { sliceViewer } from "../../../lib/report/viewer/viewer.ts";
import { withTemporaryFolder } from "../../support/tiny_dataset.ts";

const size = { depth: 4, height: 8, width: 8 };
const recipe = recipeFor(parseTrainConfig({ data: { directory: "data", size } }).data);
// A map with a cell for every voxel of the network's input, its largest value at plane 2, row 3, column 5.
const values = Float32Array.from({ length: 4 * 8 * 8 }, (_, i) => i === (2 * 8 + 3) * 8 + 5 ? 4 : i === 0 ? -1 : 1);
const map = { values, shape: [4, 8, 8], stride: [1, 1, 1], origin: [0, 0, 0] } as const;

async function resultOf(folder: string, sides: readonly number[]): Promise<Pick<SaliencyResult, "scans" | "recipe">> {
  const slices = sides.map((_, i) => `${i}.png`);
  for (const [i, side] of sides.entries()) {
    const background = { r: 40 * i, g: 40 * i, b: 40 * i };
    await sharp({ create: { width: side, height: side, channels: 3, background } }).png().toFile(
      join(folder, slices[i]!),
    );
  }
  const scan: Scan = { id: "s", key: "s", split: "test", severity: "undefined", folder, slices, ignored: 0 };
  const explained = { explained: "presence", probability: 0.5, logits: [0], random: [] } as const;
  return { recipe, scans: [{ scan, slices, map, ...explained }] };
}

test("over the scan's own slices where they have one size", () =>
  withTemporaryFolder(async (folder) => {
    const result = await resultOf(folder, [16, 16, 16, 16]);
    const shown = await saliencyOverlay(result);
    expect("scan" in shown && shown.scan).toBe(result.scans[0]!.scan);
    expect(shown.overlay).toEqual(await scanOverlay(result));
    expect((await sliceViewer(shown)).bundle()["image/png"]).toBeTruthy();
  }));

test("over the network's volume where the slices differ", () =>
  withTemporaryFolder(async (folder) => {
    const shown = await saliencyOverlay(await resultOf(folder, [16, 16, 12, 16]));
    expect("volume" in shown && shown.volume.shape).toEqual([4, 8, 8]);
    expect(shown.overlay).toEqual(values.map((value) => Math.max(0, value) / 4));
    expect((await sliceViewer(shown)).bundle()["image/png"]).toBeTruthy();
  }));

test("a scan that is not there", async () => {
  await expect(saliencyOverlay({ scans: [], recipe }, 2)).rejects.toMatchObject({ code: "saliency.scan" });
});
