/** `cov3d paper` as a user runs it. */
import { expect, test } from "vitest";
import { join } from "node:path";
import { cov3d } from "../support/command_line.ts";

test("help says what stops the build", async () => {
  const { code, stdout } = await cov3d(["paper", "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("--add-run");
  expect(stdout).toContain("A digit in the text that comes from no record");
});

test(
  "a folder without records: everything that is missing is named with its command, and nothing is half done",
  async () => {
    const root = await Deno.makeTempDir({ prefix: "cov3d-paper-" });
    await Deno.mkdir(join(root, "paper"));
    await Deno.writeTextFile(join(root, "paper/names.csv"), "name,reason\n");
    await Deno.writeTextFile(
      join(root, "paper/main.tex"),
      "Reached \\num{bench.step.r3d-18.64x128x128.ratio}, not 3.\n",
    );
    const { code, stdout, stderr } = await cov3d(["paper", "--no-pdf", "--root", root, "--json"]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /main\.tex:1: no record holds the number "bench.*figures\/benchmarks\/step\.csv.*deno task bench/,
    );
    expect(stderr).toMatch(/main\.tex:1: ".*3.*": a number without a record/);
    expect(await Array.fromAsync(Deno.readDir(join(root, "paper/generated")))).not.toEqual([]);
    await Deno.remove(root, { recursive: true });
  },
  60_000,
);

test("a run that is none", async () => {
  const { code, stderr } = await cov3d(["paper", "--add-run", "/nowhere/run"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/\/nowhere\/run.*not a run folder/);
}, 60_000);
