/** What cannot work is refused before the work begins, in one line and with the right exit code. */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cov3d } from "../support/command_line.ts";

const folder = Deno.makeTempDirSync({ prefix: "cov3d-refusals-" });
const file = join(folder, "a-file");
Deno.writeTextFileSync(file, "x");
afterAll(() => Deno.removeSync(folder, { recursive: true }));

test.each<[args: string[], code: number, says: string]>([
  [["phantom", file, "--scans", "4"], 1, `${file}: the folder cannot be made`],
  [["train", "--resume", folder, "--epochs", "5"], 2, "found --epochs. Leave them out"],
  [["train", folder, "--lambda", "0.1", "--severity-factor", "0.2"], 2, "cannot be used with option"],
  [["predict", "--run", folder, folder, "--csv", join(folder, "none", "a.csv")], 2, "there is no folder for this file"],
  [
    ["evaluate", "--run", folder, folder, "--csv", join(folder, "none", "a.csv")],
    2,
    "there is no folder for this file",
  ],
  [["phantom", folder, "--scans", "4", "--seed", "x"], 2, "argument 'x' is invalid. not a number"],
  [["notebooks", "--folder", join(folder, "none")], 3, "there is no such folder"],
  [["jupyter", "--folder", join(folder, "none")], 3, "there is no such folder"],
  [["predict", "--run", folder, folder, "--csv", folder], 2, `${folder}: this is a folder`],
  [
    ["train", folder, "--epochs", "1.5", "--lambda", "2", "--fold", "0"],
    2,
    "--epochs: expected int, found 1.5; --folds: is missing; --lambda: expected number to be <=1, found 2",
  ],
  [["predict", "--run", folder, folder, "--mc-samples", "3", "--no-reflection"], 2, "cannot be used with option"],
  [["saliency", folder, "--run", folder, "--out", file], 2, `${file}: a file is where the folder of results should be`],
  [["compare", "a", "b", "--no-reflection", "--reflection-rule", "paper"], 2, "cannot be used with option"],
  [["weights", "inspect", folder], 3, `${folder}: this is not a file`],
  [["weights", "import", file, "--base-url", "http://localhost/"], 2, "found no --download"],
  [["weights", "import", "--download", "--base-url", "mirror"], 2, "this is no address of a server"],
  [["weights", "import", "--download", "--out", join(folder, "a.txt")], 2, "imported weights are written as safeten"],
  [["train", folder, "--neighbour-smoothing"], 2, '--neighbour-smoothing: is for the four-class head, not for "five'],
  [["train", folder, "--severity-head", "regression", "--focal-gamma", "2"], 2, "--focal-gamma: is for heads with cla"],
  [["saliency", folder, "--run", folder, "--out", folder, "--spacing", "1,1,1"], 2, "--spacing goes with --nifti"],
  [["saliency", folder, "--run", folder, "--out", folder, "--settle-random"], 2, "goes with --sanity N"],
  [["weights", "import", file, "--out", join(folder, "none", "a.safetensors")], 2, "there is no folder for this file"],
  [["preprocess", folder, "--preview-crop", join(folder, "x.txt")], 2, "expected a name that ends in .png"],
  [["saliency", folder, "--run", folder, "--out", folder, "--cube", "4,4,4"], 2, "found --cube. Leave it out, or add"],
  [
    ["saliency", folder, "--run", folder, "--out", folder, "--method", "occlusion", "--layer", "layer1"],
    2,
    "--method occlusion does not use this",
  ],
  [["preprocess", folder, "--size", "4096x4096x4096"], 2, "at most 512 Mi voxels"],
])("%j", async (args, code, says) => {
  const { stdout, stderr, ...ended } = await cov3d(args);
  expect(ended.code).toBe(code);
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^ +at /m); // a stack is for bugs
  expect(stderr).not.toMatch(/\b0\/\d/); // nor is there progress of what has not begun
  expect(stdout).toBe("");
});
