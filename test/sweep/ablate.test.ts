/** Sweeps that are really run, on the smallest network and scans: stopping, killing, failing, and going on. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { existsSync, readdirSync, statSync } from "node:fs";
import { ablate } from "../../lib/sweep/ablate.ts";
import { collectSweep } from "../../lib/sweep/collect.ts";
import { describePlan } from "../../lib/sweep/describe_plan.ts";
import { exportRecords } from "../../lib/sweep/export_records.ts";
import type { AblateProgress } from "../../lib/sweep/sweep_progress.ts";
import { killWhen } from "../support/command_line.ts";
import { eachEngine } from "../support/engines.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string, data: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-ablate-" });
  data = await writeTinyDataset({ directory: join(folder, "scans"), train: 4, validation: 4 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const plan = (fields: Record<string, unknown> = {}) => ({
  name: "tiny",
  dataset: data,
  base: {
    preset: "tiny",
    epochs: 1,
    batchSize: 2,
    engine: "wasm",
    data: { size: { depth: 4, height: 16, width: 16 }, cache: join(folder, "cache") },
  },
  list: [{ label: "a" }],
  seeds: [1],
  evaluate: { split: "validation", reflection: true, resamples: 100 },
  ...fields,
});

/** Every file below, with its time of change. */
function changes(root: string, path = ""): Record<string, number> {
  return Object.assign(
    {},
    ...readdirSync(join(root, path), { withFileTypes: true }).map((entry) => {
      const name = join(path, entry.name);
      if (entry.name === "lock") return {};
      return entry.isDirectory() ? changes(root, name) : { [name]: statSync(join(root, name)).mtimeMs };
    }),
  );
}

const text = (out: string, name: string) => Deno.readTextFile(join(out, name));

/** For a machine that does much else at the same time. */
const patient = 300_000;

test(
  "a run that fails is a row that says so; the others go on, and a second call does only what is not done",
  async () => {
    const out = join(folder, "failing");
    const options = { out, plan: plan({ list: [{ label: "bad", changes: { batchSize: 64 } }, { label: "a" }] }) };
    const seen: AblateProgress[] = [];
    const first = await ablate({ ...options, onProgress: (progress) => seen.push(progress) });
    expect(first).toMatchObject({ status: "failed", runs: 2, kept: 0, done: 1 });
    expect(first.failed).toEqual([{
      run: expect.stringMatching(/^bad-seed1-[0-9a-f]{10}$/),
      reason: expect.stringContaining("fewer training scans than one optimizer step takes"),
    }]);
    expect(await text(out, "table.md")).toMatch(
      /\| bad \| 0 of 1 \(1 run failed\) \| – .*\n\| a \| 1 of 1 \| 0\.\d+ ± –/,
    );
    expect(seen.findLast((progress) => progress.kind === "steps")).toMatchObject({ done: 4, total: 4 });
    expect(seen.filter((progress) => progress.kind === "run" && progress.state === "done")).toHaveLength(1);

    const before = changes(join(out, "runs"));
    expect(await ablate(options)).toMatchObject({ status: "failed", kept: 1, done: 0 });
    expect(changes(join(out, "runs"))).toEqual(before);

    const good = { ...options, plan: plan() };
    expect(await ablate(good)).toMatchObject({ status: "finished", runs: 1, kept: 1, done: 0 });
    const all = changes(out);
    expect(await ablate(good)).toMatchObject({ status: "finished", runs: 1, kept: 1, done: 0 });
    expect(changes(out)).toEqual(all);

    // Another seed is one more run; another way to score needs no training.
    const more = plan({ seeds: [1, 2], evaluate: { reflection: false, resamples: 100 } });
    const steps: AblateProgress[] = [];
    const third = await ablate({ out, plan: more, onProgress: (progress) => steps.push(progress) });
    expect(third).toMatchObject({ status: "finished", runs: 2, kept: 0, done: 2 });
    expect(steps.findLast((progress) => progress.kind === "steps")).toMatchObject({ done: 4, total: 4 });
  },
  patient,
);

/** Ends the processes of all runs, as a machine that goes down does. */
function killRuns(out: string): number {
  const pids = readdirSync(join(out, "runs")).flatMap((run) => {
    const lock = join(out, "runs", run, "lock");
    const pid = existsSync(lock) ? /^process (\d+)/.exec(Deno.readTextFileSync(lock))?.[1] : undefined;
    return pid === undefined ? [] : [Number(pid)];
  });
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  return pids.length;
}

/** Steps that a run of `out` has written. */
function stepsWritten(out: string): number {
  if (!existsSync(join(out, "runs"))) return 0;
  return Math.max(
    0,
    ...readdirSync(join(out, "runs")).map((run) => {
      const file = join(out, "runs", run, "metrics.jsonl");
      return existsSync(file) ? Deno.readTextFileSync(file).split("\n").length - 1 : 0;
    }),
  );
}

const tables = [
  "table.md",
  "table.csv",
  "table.tex",
  "summary.json",
  "figures/effect-row.csv",
  "figures/effect-row.svg",
];

describe("killed or stopped in the middle", () => {
  // Two folds, so that there is something to do after the run that is killed.
  const long = () => {
    const { base } = plan();
    return plan({ base: { ...base, epochs: 12, checkpointSeconds: 0.02 }, folds: { count: 2, seed: 3 } });
  };
  let file: string, whole: string;
  beforeAll(async () => {
    file = join(folder, "long.json");
    await Deno.writeTextFile(file, JSON.stringify(long()));
    whole = join(folder, "whole");
    await ablate({ plan: file, out: whole });
  }, patient);

  test(
    "Ctrl-C, kill -9 of all its processes, of the sweep alone and of a run alone: it ends with the same tables",
    async () => {
      const out = join(folder, "interrupted");
      const args = ["ablate", file, "--out", out, "--jobs", "1"];

      const stopped = await killWhen(args, () => stepsWritten(out) >= 5, "SIGINT");
      expect(stopped.code, stopped.stderr).toBe(130);
      expect(stopped.stderr).toContain("stopped with checkpoints; the same call continues");
      expect(await text(out, "table.md")).toContain("0 of 1 (2 runs missing)");

      let killed = 0;
      await killWhen(args, () => stepsWritten(out) >= 15 && (killed = killRuns(out)) > 0);
      expect(killed).toBe(1);
      expect(JSON.parse(await text(out, "sweep.json")).rows).toHaveLength(1);

      // Killed alone, the sweep leaves a run behind that stops by itself; the next call waits for it.
      expect((await killWhen(args, () => stepsWritten(out) >= 25)).killed).toBe(true);

      killed = 0;
      const onProgress = (progress: AblateProgress) => {
        if (progress.kind === "steps" && progress.done >= 3 && killed === 0) killed = killRuns(out);
      };
      const crashed = await ablate({ plan: file, out, jobs: 1, onProgress });
      const reason = "its process was killed (SIGKILL)";
      expect(crashed).toMatchObject({ status: "failed", done: 1, failed: [{ reason }] });
      expect(await text(out, "table.md")).toContain(`failed: ${reason}`);

      expect(await ablate({ plan: file, out })).toMatchObject({ status: "finished", kept: 1, done: 1 });
      const [run] = readdirSync(join(out, "runs")).filter((name) => name.includes("fold0"));
      expect((await text(out, `runs/${run}/log.txt`)).match(/continuing at epoch/g)).toHaveLength(4);
      for (const name of tables) expect(await text(out, name), name).toBe(await text(whole, name));
      expect(await text(out, "table.md")).toMatch(/Cross-validation over 2 folds, scan-level/);
    },
    patient,
  );

  test("what there is to do is known before it begins, when it is finished, and when the plan has changed", async () => {
    const before = await describePlan({ plan: file, out: join(folder, "not begun") });
    const after = await describePlan({ plan: file, out: whole });
    expect(before).toMatchObject({ done: 0, left: { steps: 96 }, notes: [] });
    expect(after).toMatchObject({ done: 2, left: { steps: 0 }, notes: [] });
    expect(before.runs.map((run) => run.folder)).toEqual(after.runs.map((run) => run.folder));
    const changed = await describePlan({ plan: { ...long(), folds: { count: 2, seed: 4 } }, out: whole });
    expect(changed.notes).toEqual([expect.stringContaining("holds other folds than the plan asks for now")]);
  });

  test("records without weights give the same tables, and name no folder of this machine", async () => {
    const to = join(folder, "records");
    await exportRecords({ out: whole, to });
    for (const name of [...tables, "runs.csv"]) expect(await text(to, name), name).toBe(await text(whole, name));
    const again = join(folder, "again");
    await collectSweep({ out: to, to: again });
    for (const name of [...tables, "runs.csv"]) expect(await text(again, name), name).toBe(await text(whole, name));
    const files = Object.keys(changes(to));
    expect(files.filter((name) => /safetensors|checkpoint|log/.test(name))).toEqual([]);
    expect(files.filter((name) => /config\.json|environment\.json|metrics\.jsonl|predictions|evaluation/.test(name)))
      .toHaveLength(10);
    for (const name of files.filter((name) => !name.endsWith(".png"))) {
      expect(await text(to, name), name).not.toContain(folder);
      expect(await text(to, name), name).not.toContain(Deno.hostname());
    }
    const before = changes(to);
    await exportRecords({ out: whole, to });
    expect(changes(to)).toEqual(before);

    const linked = join(folder, "linked"), runs = changes(whole);
    await Deno.symlink(whole, linked);
    for (const over of [whole, linked]) {
      await expect(exportRecords({ out: whole, to: over })).rejects.toMatchObject({ code: "sweep.export" });
    }
    expect(changes(whole)).toEqual(runs);
  });
});

eachEngine("a row is trained and scored on it", (engine) => {
  test("one run", async () => {
    const { engine: _, ...base } = plan().base;
    const out = join(folder, `engine-${engine}`);
    const result = await ablate({ plan: plan({ base }), out, engine });
    expect(result).toMatchObject({ status: "finished", runs: 1, done: 1 });
    expect(await text(out, "runs.csv")).toContain(`,${engine},1,4,`);
  }, patient);
}, ["tensorflow"]);
