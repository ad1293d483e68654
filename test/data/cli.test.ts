/** The commands as a shell sees them: one JSON document on stdout, progress on stderr, exit codes. */
import { expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "./support/datasets.ts";

const cli = new URL("../../lib/cli.ts", import.meta.url).pathname;

async function cov3d(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command("deno", { args: ["run", "-A", cli, ...args] }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

test("audit: report, JSON, and --strict", async () => {
  const root = await writeDataset();
  Deno.writeTextFileSync(`${root}/train/covid/ct_scan_0/1.jpg`, "broken");
  const report = await cov3d("audit", root);
  expect(report).toMatchObject({ code: 0, stdout: expect.stringContaining("1 unreadable slices") });
  const strict = await cov3d("audit", root, "--quick", "--strict", "--json");
  expect(strict.code).toBe(3);
  expect(JSON.parse(strict.stdout)).toMatchObject({ quick: true, scans: 5, problems: 1 });
});

test("preprocess: fills the cache, names what failed, prunes; wrong use ends with 2, bad data with 3", async () => {
  const root = await writeDataset(), cache = temporaryFolder();
  const args = ["preprocess", root, "--size", "4x8x8", "--cache", cache, "--workers", "1", "--json"];
  const first = await cov3d(...args);
  expect(first.code).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({ made: 5, ready: 0, recipe: { dtype: "float16" } });
  Deno.writeTextFileSync(`${root}/train/covid/ct_scan_0/1.jpg`, "broken");
  const second = await cov3d(...args, "--prune");
  expect(second.code).toBe(3);
  expect(JSON.parse(second.stdout)).toMatchObject({
    ready: 4,
    failed: [{ code: "image-format" }],
    pruned: { kept: 4 },
  });
  expect((await cov3d("preprocess", root, "--size", "big")).code).toBe(2);
  expect((await cov3d("preprocess", `${root}/none`)).code).toBe(3);
  expect((await cov3d("preprocess")).code).toBe(2);
});
