/** `cov3d phantom` as a process: what goes where, exit codes, stopping and continuing. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cov3d, killWhen } from "../support/command_line.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-cli-phantom-" });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const small = ["--scans", "12", "--seed", "3", "--slice-size", "32", "--test-split", "--annotated", "0.5"];

test("--json prints one document and nothing else on stdout; --severity-mix and --no-masks are heard", async () => {
  const out = join(folder, "json");
  const { code, stdout } = await cov3d([
    "phantom",
    out,
    ...small,
    "--severity-mix",
    "0,0,1,1",
    "--no-masks",
    "--confounder",
    "both",
    "--json",
  ]);
  expect(code).toBe(0);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({ directory: out, written: 12, kept: 0 });
  expect(document.recipe).toMatchObject({
    seed: 3,
    sliceSize: 32,
    masks: false,
    annotatedShare: 0.5,
    confounder: "both",
  });
  expect(document.recipe.severityMix).toEqual({ mild: 0, moderate: 0, severe: 1, critical: 1 });
  expect(document.splits.train).toEqual({ positive: 3, negative: 4, annotated: 2 });
});

test("a stopped call has its own exit code, and the same command continues", async () => {
  const args = ["phantom", join(folder, "stopped"), ...small, "--workers", "1"];
  const partial = join(folder, "stopped", ".partial");
  const begun = () => {
    try {
      return Deno.statSync(partial).isDirectory;
    } catch {
      return false;
    }
  };
  expect(await killWhen(args, begun, "SIGINT")).toMatchObject({ killed: true, code: 130 });
  const { code, stdout } = await cov3d(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/train: 3 covid \(2 with severity\), 4 non-covid/);
});

test("wrong usage is 2, a foreign folder is 3 and stays as it was", async () => {
  const foreign = join(folder, "foreign");
  await Deno.mkdir(foreign);
  await Deno.writeTextFile(join(foreign, "notes.txt"), "mine");
  const [many, refused] = await Promise.all([
    cov3d(["phantom", join(folder, "many"), "--scans", "many"]),
    cov3d(["phantom", foreign, ...small]),
  ]);
  expect(many.code).toBe(2);
  expect(refused).toMatchObject({ code: 3, stdout: "" });
  expect(refused.stderr).toMatch(/notes\.txt/);
  expect([...Deno.readDirSync(foreign)].map(({ name }) => name)).toEqual(["notes.txt"]);
});
