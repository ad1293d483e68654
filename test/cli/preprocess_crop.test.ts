/** `cov3d preprocess --crop lung` and its preview; the same flag of `cov3d train`. */
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { recipeFor } from "../../lib/data/size.ts";
import { configFrom } from "../../lib/cli/train_flags/mod.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { cov3d } from "../support/command_line.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-cli-crop-" }), directory = join(folder, "data");
beforeAll(async () => {
  await generatePhantom({ directory, scans: 4, seed: 3, sliceSize: 48, depthScale: 0.05 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

test("the preview is a picture with its numbers; a scan that is not there is refused", async () => {
  const picture = join(folder, "crop.png");
  const [drawn, unknown] = await Promise.all([
    cov3d(["preprocess", directory, "--preview-crop", picture, "--json"]),
    cov3d(["preprocess", directory, "--preview-crop", join(folder, "no.png"), "--scan", "train/covid/none"]),
  ]);
  expect(drawn.code).toBe(0);
  const { file, crop, height_start, height_end } = JSON.parse(drawn.stdout);
  expect([file, crop]).toEqual([picture, "lung"]);
  expect(height_end - height_start).toBeGreaterThan(100);
  const { width = 0, height = 0, format } = await sharp(picture).metadata();
  expect([format, width > 800, height > 800]).toEqual(["png", true, true]);
  const { data } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  let orange = 0;
  for (let i = 0; i < data.length; i += 3) {
    if (data[i]! > 200 && data[i + 1]! > 120 && data[i + 1]! < 190 && data[i + 2]! < 60) orange++;
  }
  expect(orange).toBeGreaterThan(1000); // the box is drawn
  expect(unknown.code).toBe(3);
  expect(unknown.stderr).toContain('no scan "train/covid/none"');
});

test("--crop lung fills a folder of its own", async () => {
  const cache = join(folder, "cache"), args = ["preprocess", directory, "--size", "4x16x16", "--cache", cache];
  const { code, stdout } = await cov3d([...args, "--crop", "lung", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ made: 4, failed: [], uncropped: [], recipe: { crop: "lung" } });
  expect([...Deno.readDirSync(cache)].map(({ name }) => name)).toContain("4x16x16-float16-lung");
});

test("train --crop lung reaches the recipe; without it there is none", () => {
  const recipe = (flags: Record<string, unknown>) => recipeFor(parseTrainConfig(configFrom(directory, flags)).data);
  expect([recipe({ crop: "lung" }).crop, recipe({}).crop]).toEqual(["lung", "none"]);
});
