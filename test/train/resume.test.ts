/** A run that is killed again and again ends with the same bits as one that is left alone. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineName } from "../../lib/engine/types.ts";
import { sha256 } from "../../lib/files.ts";
import type { MetricsLine } from "../../lib/train/metrics.ts";
import { readMetrics, readRun } from "../../lib/train/run.ts";
import { cov3d, killWhen } from "../support/command_line.ts";
import { eachEngine } from "../support/engines.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-resume-" });
  await writeTinyDataset({ directory: join(folder, "data"), train: 8, validation: 3 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const options = (engine: EngineName, out: string) => [
  "train",
  join(folder, "data"),
  ...["--preset", "tiny", "--size", "8x32x32", "--epochs", "6", "--batch-size", "2", "--accumulate", "2"],
  ...["--seed", "5", "--dropout", "0.2", "--engine", engine, "--cache", join(folder, "cache"), "--out", out],
];

const exists = (path: string) => {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
};

/** Steps on record, complete lines only. */
function stepsOf(run: string): number {
  const path = join(run, "metrics.jsonl");
  if (!exists(path)) return 0;
  return Deno.readTextFileSync(path).split("\n").filter((line) => line.includes('"kind":"step"')).length;
}

/** Names of the files of a folder, empty when it is not there. */
function filesOf(path: string): string[] {
  return exists(path) ? [...Deno.readDirSync(path)].map(({ name }) => name) : [];
}

interface KillPoint {
  readonly name: string;
  /** When to kill. */
  moment(): boolean;
  /** What the dead process must have left behind; where it was a moment too quick, the run is resumed and killed again. */
  proof(): boolean;
}

/** 24 steps in all, an epoch has 4; a checkpoint is written after every step. */
function killPoints(run: string): KillPoint[] {
  const checkpoints = join(run, "checkpoints");
  const written = (name: string) => filesOf(join(checkpoints, `.${name}.tmp`));
  const half = () => written("last").length > 0 && !written("last").includes("state.json");
  const best = () => written("best-presence").length + written("best-severity").length > 0;
  const always = () => true;
  return [
    { name: "in the first epoch", moment: () => stepsOf(run) === 2, proof: always },
    { name: "in the middle of writing the best weights", moment: best, proof: best },
    { name: "in the middle of writing a checkpoint", moment: () => stepsOf(run) >= 6 && half(), proof: half },
    { name: "again, later", moment: () => stepsOf(run) >= 11 && half(), proof: half },
    { name: "in the last epoch", moment: () => stepsOf(run) >= 21, proof: always },
  ];
}

/** Everything of a metrics line that has to be the same in every run. */
function withoutTiming(lines: readonly MetricsLine[]): unknown[] {
  return lines.map((line) => line.kind === "epoch" ? { ...line, timing: undefined } : line);
}

async function weightsOf(run: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of ["last", "best-presence", "best-severity"]) {
    for (const file of ["model.safetensors", "optimizer.safetensors"]) {
      hashes[`${name}/${file}`] = await sha256(await Deno.readFile(join(run, "checkpoints", name, file)));
    }
  }
  return hashes;
}

eachEngine("resume", (engine) => {
  let uninterrupted: string;
  beforeAll(async () => {
    uninterrupted = join(folder, `${engine}-whole`);
    const { code, stderr } = await cov3d(options(engine, uninterrupted));
    expect(code, stderr).toBe(0);
  }, 120_000);

  test("five SIGKILLs in one run: byte-identical weights, moments and metrics", async () => {
    const run = join(folder, `${engine}-killed`);
    let args = [...options(engine, run), "--checkpoint-seconds", "0.001"]; // a checkpoint after every step
    for (const { name, moment, proof } of killPoints(run)) {
      for (let attempt = 0; attempt === 0 || (!proof() && attempt < 4); attempt++) {
        const { killed, stderr } = await killWhen(args, moment);
        expect(killed, `${name}: ${stderr}`).toBe(true);
        args = ["train", "--resume", run];
      }
      expect(proof(), name).toBe(true);
    }
    const { code, stderr } = await cov3d(args);
    expect(code, stderr).toBe(0);
    expect(await weightsOf(run)).toEqual(await weightsOf(uninterrupted));
    const metrics = (folder: string) => readMetrics(join(folder, "metrics.jsonl"));
    expect(withoutTiming(await metrics(run))).toEqual(withoutTiming(await metrics(uninterrupted)));
    expect((await readRun(run)).state?.finished).toBe(true);
    expect(filesOf(join(run, "checkpoints")).sort()).toEqual(["best-presence", "best-severity", "last"]);
  }, 240_000);
});
