/** `cov3d train` as a process: exit codes, what goes where, and stopping. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configFrom } from "../../lib/cli/train_flags/mod.ts";
import { ConfigError } from "../../lib/errors.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { readRun } from "../../lib/train/run.ts";
import { cov3d, killWhen } from "../support/command_line.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string, data: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-cli-train-" });
  data = await writeTinyDataset({ directory: join(folder, "data"), train: 4, validation: 2 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const small = ["--preset", "tiny", "--size", "8x32x32", "--engine", "wasm", "--batch-size", "2"];
const cached = () => ["--cache", join(folder, "cache")];

describe("configFrom", () => {
  const flags = { reflection: true };

  test("flags go over the preset, --lambda is --severity-factor, --no-reflection is 0", () => {
    const config = configFrom("d", {
      preset: "paper",
      epochs: 50,
      lambda: 0.9,
      reflection: false,
      dropout: 0.1,
      size: { depth: 64, height: 128, width: 128 },
      engine: "wasm",
    });
    expect(config).toMatchObject({
      name: "paper",
      epochs: 50,
      reflection: 0,
      engine: "wasm",
      loss: { severityFactor: 0.9, presenceSmoothing: 0.1, severitySmoothing: 0 },
      model: { model: "r3d_18", dropout: 0.1, penultimate: 512 },
      data: { directory: "d", size: { depth: 64, height: 128, width: 128 } },
    });
  });

  test("without a preset: r3d_18 at the small size", () => {
    expect(configFrom("d", flags)).toMatchObject({ model: { model: "r3d_18" }, data: { size: { depth: 64 } } });
  });

  test("what paper and code do differently can be chosen; the paper's superset loss is the default", () => {
    const weighting = (changes: Partial<Parameters<typeof configFrom>[1]>) => configFrom("d", { ...flags, ...changes });
    expect(weighting({})).toMatchObject({ loss: { presenceWeighting: "positive-term", superset: "paper" } });
    expect(weighting({ presenceWeighting: "item", superset: "code2022" }))
      .toMatchObject({ loss: { presenceWeighting: "item", superset: "code2022" } });
  });

  test("no folder, or a value that cannot be: ConfigError", () => {
    expect(() => configFrom(undefined, flags)).toThrow(ConfigError);
    expect(() => configFrom("d", { ...flags, severityFactor: 2 })).toThrow(/--severity-factor: expected .*found 2/);
  });
});

describe("cov3d train", () => {
  test("--json prints one document on stdout; a second call says what is there", async () => {
    const run = join(folder, "run");
    const args = ["train", data, ...small, ...cached(), "--epochs", "1", "--out", run, "--lambda", "0"];
    const first = await cov3d([...args, "--json"]);
    expect(first.code, first.stderr).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ status: "finished", folder: run, steps: 4, engine: "wasm" });
    expect(first.stderr).toContain("severity F1 –");
    const second = await cov3d(args);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/this run is finished/);
    expect(second.stdout).toBe("");
  });

  test("SIGINT saves, exits with 130 and prints the command that continues", async () => {
    const run = join(folder, "interrupted");
    const args = ["train", data, ...small, ...cached(), "--epochs", "60", "--out", run];
    const { killed, stderr, code } = await killWhen(args, (text) => text.includes("epoch 1/60"), "SIGINT");
    expect(killed, stderr).toBe(true);
    expect(code, stderr).toBe(130);
    expect(stderr).toContain(`cov3d train --resume ${run}`);
    const { state, config } = await readRun(run);
    expect(state!.step).toBeGreaterThanOrEqual(4);
    expect(state!.finished).toBe(false);
    expect(config.epochs).toBe(60);
  });

  test.each<[string, string[], number, RegExp]>([
    ["no folder", [], 2, /no dataset folder/],
    ["a missing folder", ["/nowhere"], 3, /nowhere/],
    ["text for a number", ["x", "--epochs", "many"], 2, /not a number/],
    ["an unknown preset", ["x", "--preset", "huge"], 2, /tiny, paper/],
    ["a size that is none", ["x", "--size", "64"], 2, /not a volume size/],
    ["an unknown engine", ["x", "--engine", "cuda"], 2, /unknown engine/],
    ["an unknown reading", ["x", "--faithful", "code2023"], 2, /paper, code2022, code2022-defaults/],
    [
      "a head with another's option",
      ["x", "--severity-head", "regression", "--focal-gamma", "2"],
      2,
      /not for regress/,
    ],
    ["a run that is none", ["--resume", "/nowhere"], 1, /not a run folder/],
  ])("%s: a clear message and exit code", async (_name, args, code, message) => {
    const result = await cov3d(["train", ...args]);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe("");
  });

  test("--print-config prints one complete configuration and trains nothing", async () => {
    const args = ["train", "--preset", "tiny", "--faithful", "code2022", "--mixup", "0.2", "--print-config"];
    const { code, stdout, stderr } = await cov3d(args);
    expect(code, stderr).toBe(0);
    const config = parseTrainConfig(JSON.parse(stdout));
    expect(config).toMatchObject({
      name: "tiny",
      data: { directory: "DIR" },
      model: { model: "tiny", pool: "max" },
      loss: { superset: "code2022", severityWeights: "code2022" },
      augment: { reflectValidation: true, mixup: 0.2 },
    });
  });

  test("--help shows examples and the caveat of weight decay", async () => {
    const { code, stdout } = await cov3d(["train", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("--resume runs/row7");
    const help = stdout.replace(/\s+/g, " ");
    expect(help).toContain("--superset: paper paper, code2022 code2022 the paper has eq. (5)");
    expect(help).toContain("no source confirms it");
    expect(help).toContain("up to 1e-4 it is exactly no decay");
    expect(Math.fround(1 - 1e-4 * 1e-5)).toBe(1);
  });
});
