/** `cov3d ablate` as a process: help, refusals, and what needs no training. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cov3d } from "../support/command_line.ts";
import { writeChosenSweep } from "../sweep/support.ts";

let folder: string;
beforeAll(async () => folder = await Deno.makeTempDir({ prefix: "cov3d-cli-ablate-" }));
afterAll(() => Deno.remove(folder, { recursive: true }));

describe("cov3d ablate", () => {
  test("--help names the plans; --example is a plan that --dry-run describes", async () => {
    const { code, stdout } = await cov3d(["ablate", "--help"]);
    expect(code).toBe(0);
    for (const word of ["phantom", "table3", "quick", "--collect-only", "--records", "130"]) {
      expect(stdout).toContain(word);
    }
    const example = await cov3d(["ablate", "--example"]);
    const file = join(folder, "plan.yaml");
    await Deno.writeTextFile(file, example.stdout);
    const out = join(folder, "out");
    const dry = await cov3d(["ablate", file, "--dry-run", "--engine", "wasm", "--jobs", "2", "--out", out]);
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stdout).toContain("8 runs in");
    expect(dry.stdout).toMatch(
      /λ=0\.1 +2 runs \(0 done\) × 30 steps, tiny 8×32×32, 3 epochs; loss\.severityFactor 0\.1/,
    );
    expect(dry.stdout).toContain("left: 240 steps");
    expect(dry.stdout).toContain("time unmeasured");
    await expect(Deno.stat(out)).rejects.toThrow(); // nothing was written
  });

  test("--dry-run --json: every run with its configuration", async () => {
    const { code, stdout } = await cov3d(["ablate", "table3", "--dry-run", "--engine", "wasm", "--json"]);
    expect(code).toBe(0);
    const plan = JSON.parse(stdout);
    expect(plan.rows).toHaveLength(28);
    expect(plan.rows[13].config).toMatchObject({ epochs: 40, loss: { severityFactor: 0.9 }, needsPretrained: true });
    expect(plan.notes.join(" ")).toMatch(/--data DIR.*--weights FILE/);
  });

  test("--collect-only makes the tables from the folder alone; --json is one document", async () => {
    const out = join(folder, "sweep");
    await writeChosenSweep({ out, runs: [{ row: "a", seed: 1, truth: "++--", predicted: "+---" }] });
    const plain = await cov3d(["ablate", out, "--collect-only", "--json"]);
    expect(plain.code, plain.stderr).toBe(0);
    expect(JSON.parse(plain.stdout).rows[0].presence.mean).toBeCloseTo(11 / 15, 12);
    expect(plain.stderr).not.toContain("no effect");
    const unused = ["--gpus", "0,1", "--weights", "/nowhere"];
    const shown = await cov3d(["ablate", "phantom", "--collect-only", "--out", out, ...unused]);
    expect(shown.stdout).toContain("| a | 1 of 1 | 0.733 ± – |");
    expect(shown.stderr).toContain("no effect with --collect-only, which trains nothing: --weights, --gpus");
  });

  test.each<[string, string[], number, RegExp]>([
    ["no plan", [], 2, /no plan.*--example/],
    ["a plan without scans", ["table3"], 2, /no dataset of its own.*--data DIR/],
    ["weights that are missing", ["table3", "--data", "/nowhere"], 2, /28 rows start from pretrained.*--weights FILE/],
    ["GPUs for an engine without", ["quick", "--engine", "wasm", "--gpus", "0,1"], 2, /wasm does not use GPUs.*--gpus/],
    [
      "GPUs by number for an engine that takes the fastest",
      ["quick", "--engine", "webgpu", "--gpus", "0,1"],
      2,
      /webgpu does not know GPUs by number/,
    ],
    ["the same, described", ["quick", "--engine", "wasm", "--gpus", "0", "--dry-run"], 2, /wasm does not use GPUs/],
    ["two ways of doing nothing", ["quick", "--dry-run", "--collect-only"], 2, /cannot be used with option/],
    ["records of nothing", ["quick", "--dry-run", "--records", "/nowhere"], 2, /cannot be used with option/],
    ["no number of jobs", ["quick", "--jobs", "0"], 2, /jobs/],
    ["a folder that is no sweep", ["quick", "--collect-only", "--out", "/nowhere"], 1, /not the folder of a sweep/],
  ])("%s: a clear message and exit code", async (_name, args, code, message) => {
    const result = await cov3d(["ablate", ...args]);
    expect(result.stderr).toMatch(message);
    expect(result.code, result.stderr).toBe(code);
    expect(result.stdout).toBe("");
  });

  test("an engine that cannot start here is refused before scans are drawn", async () => {
    const out = join(folder, "no-engine"), absent = join(folder, "no-library");
    const args = ["ablate", "quick", "--engine", "tensorflow", "--out", out];
    const { code, stdout, stderr } = await cov3d(args, { COV3D_TENSORFLOW: absent });
    expect(stderr).toMatch(/the tensorflow engine cannot start here.*COV3D_TENSORFLOW names no TensorFlow library/s);
    expect(code, stderr).toBe(4);
    expect(stdout).toBe("");
    await expect(Deno.stat(out)).rejects.toThrow();
  });
});
