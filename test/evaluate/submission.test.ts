/** Submissions, end to end: real (hardly trained) runs answer unlabelled scans. */
import { basename, join } from "node:path";
import Papa from "papaparse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError, RunError } from "../../lib/errors.ts";
import { predict } from "../../lib/evaluate/predict.ts";
import type { Prediction } from "../../lib/evaluate/prediction.ts";
import { writeTaskFiles } from "../../lib/evaluate/submission/files.ts";
import { submit, type SubmitOptions } from "../../lib/evaluate/submission/mod.ts";
import { submissionScans, tasksOfSplit } from "../../lib/evaluate/submission/scans.ts";
import { severities } from "../../lib/data/types.ts";
import type { TrainConfig } from "../../lib/train/config.ts";
import { train } from "../../lib/train/train.ts";
import { cov3d } from "../support/command_line.ts";
import { oracle } from "../support/oracles.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-submit-" });
const data = join(folder, "data"), challenge = join(folder, "challenge"), cache = join(folder, "cache");
const part1 = "part1_1_set_test_ECCV", part2 = "part_2_test_set_ECCV_22", part3 = "part_3_test_set_ECCV";
/** Presence and severity, presence alone, severity alone. */
let both: string, presenceOnly: string, severityOnly: string;

beforeAll(async () => {
  await writeTinyDataset({ directory: data, train: 2, validation: 2, side: 16 });
  await copyScans(part1, ["test_ct_scan_10", "test_ct_scan_2"], "covid");
  await copyScans(part3, ["test_ct_scan_3"], "non-covid");
  await copyScans(part2, ["test_ct_scan_2", "test_ct_scan_1"], "covid");
  [both, presenceOnly, severityOnly] = await Promise.all([0.5, 0, 1].map((lambda) => trained(lambda))) as [
    string,
    string,
    string,
  ];
});
afterAll(() => Deno.remove(folder, { recursive: true }));

async function copyScans(split: string, names: readonly string[], from: string): Promise<void> {
  for (const [i, name] of names.entries()) {
    const source = join(data, "train", from, `ct_scan_${i + 1}`), target = join(challenge, split, name);
    await Deno.mkdir(target, { recursive: true });
    for await (const { name } of Deno.readDir(source)) await Deno.copyFile(join(source, name), join(target, name));
  }
}

async function trained(severityFactor: number, loss: Partial<TrainConfig["loss"]> = {}): Promise<string> {
  const out = join(folder, ["run", severityFactor, ...Object.values(loss)].join("-"));
  await train({
    out,
    config: {
      ...{ engine: "wasm", epochs: 1, seed: 3, name: `lambda-${severityFactor}` },
      data: { directory: data, cache, size: { depth: 4, height: 16, width: 16 } },
      model: { model: "tiny", widths: [2, 2, 4, 4], dropout: 0, penultimate: 4 },
      loss: { severityFactor, ...loss },
    },
  });
  return out;
}

let calls = 0;
function options(changes: Partial<SubmitOptions> = {}): SubmitOptions {
  const out = join(folder, `out-${++calls}`);
  return { runs: [both], directory: challenge, out, engine: "wasm", cache, ...changes };
}

const lines = async (...path: string[]) => (await Deno.readTextFile(join(...path))).split("\n").filter(Boolean);
const table = async (...path: string[]) =>
  Papa.parse<Record<string, string>>(await Deno.readTextFile(join(...path)), { header: true, skipEmptyLines: true })
    .data;
const predicted = (run: string, split: string) =>
  predict({ run, paths: [join(challenge, split)], engine: "wasm", cache, reflection: true });

describe("submit", () => {
  test("two runs a task: the mean of their probabilities, in lists and tables", async () => {
    const given = options({ runs: [both, presenceOnly, severityOnly] });
    const { finished, tasks } = await submit(given);
    expect(finished).toBe(true);
    expect(tasks.map(({ task, scans, splits, rule }) => [task, scans, splits, rule])).toEqual([
      ["presence", 3, [part1, part3], "mean of probabilities"],
      ["severity", 2, [part2], "mean of probabilities"],
    ]);
    expect(tasks[0]!.members.map(({ name }) => name)).toEqual(["lambda-0.5", "lambda-0"]);
    expect(tasks[1]!.members.map(({ name }) => name)).toEqual(["lambda-0.5", "lambda-1"]);

    const presence = await table(given.out, "presence.csv");
    expect(presence.map(({ name, split }) => `${split}/${name}`)).toEqual([
      `${part1}/test_ct_scan_2`,
      `${part3}/test_ct_scan_3`,
      `${part1}/test_ct_scan_10`,
    ]);
    const [first, second] = await Promise.all([predicted(both, part3), predicted(presenceOnly, part3)]);
    const mean = (first.predictions[0]!.presenceProbability! + second.predictions[0]!.presenceProbability!) / 2;
    expect(Number(presence[1]!.probability)).toBe(mean);
    const listed = (name: string) => lines(given.out, `${name}.txt`);
    for (const answer of ["covid", "non-covid"]) {
      expect(await listed(answer)).toEqual(presence.filter((row) => row.prediction === answer).map(({ name }) => name));
    }

    const severity = await table(given.out, "severity.csv");
    expect(severity.map(({ name }) => name)).toEqual(["test_ct_scan_1", "test_ct_scan_2"]);
    const grades = ["mild", "moderate", "severe", "critical"];
    for (const row of severity) {
      const probabilities = grades.map((grade) => Number(row[`${grade}_probability`]));
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(row.prediction).toBe(grades[probabilities.indexOf(Math.max(...probabilities))]);
    }
    expect((await Promise.all(grades.map(listed))).flat().sort()).toEqual(["test_ct_scan_1", "test_ct_scan_2"]);
    for (const { task, files } of tasks) {
      expect(JSON.parse(await Deno.readTextFile(join(given.out, `submission-${task}.json`)))).toEqual(
        JSON.parse(JSON.stringify(tasks.find((one) => one.task === task))),
      );
      for (const file of files) expect((await Deno.stat(file)).isFile).toBe(true);
    }
  });

  test("one run is its own answer; csv lists hold the same names", async () => {
    const given = options({ task: "presence", extension: "csv", reflection: false });
    await Deno.mkdir(given.out, { recursive: true });
    await Deno.writeTextFile(join(given.out, "covid.txt"), "of an earlier call\n");
    const { tasks: [only, ...others] } = await submit(given);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ task: "presence", rule: "single model" });
    expect(only!.members[0]).toMatchObject({ checkpoint: "best-presence", reflection: false });
    expect((await lines(given.out, "covid.csv")).length + (await lines(given.out, "non-covid.csv")).length).toBe(3);
    for (const name of ["mild.csv", "covid.txt"]) {
      await expect(Deno.stat(join(given.out, name))).rejects.toThrow(Deno.errors.NotFound);
    }
  });

  test("finished predictions are used again, as long as weights, settings and images are the same", async () => {
    const given = options({ task: "presence" });
    const stored = async () => {
      const [name] = [...Deno.readDirSync(join(given.out, "members"))].map(({ name }) => name);
      const { mtime, ino } = await Deno.stat(join(given.out, "members", name!));
      return `${name} ${mtime!.getTime()} ${ino}`;
    };
    const stopped = await submit({ ...given, signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ finished: false, tasks: [] });
    await submit(given);
    const before = await stored(), csv = await Deno.readTextFile(join(given.out, "presence.csv"));
    await submit(given);
    expect(await stored()).toBe(before);
    await submit({ ...given, reflection: false });
    expect(await stored()).not.toBe(before);
    const file = join(given.out, "members", (await stored()).split(" ")[0]!);
    await Deno.writeTextFile(file, "{"); // cut by something else than the kit
    await submit(given);
    expect(await Deno.readTextFile(join(given.out, "presence.csv"))).toBe(csv);
    const slice = join(challenge, part3, "test_ct_scan_3", "1.jpg"), image = await Deno.readFile(slice);
    await Deno.copyFile(join(challenge, part1, "test_ct_scan_2", "1.jpg"), slice);
    await submit(given);
    expect(await Deno.readTextFile(join(given.out, "presence.csv"))).not.toBe(csv);
    await Deno.writeFile(slice, image);
  });

  test("splits with the same names need a folder each", async () => {
    const given = options({ splits: [part1, part2], task: "presence" });
    await expect(submit(given)).rejects.toThrow(/test_ct_scan_2" is the name of two scans.*--per-split/);
    const { tasks: [only] } = await submit({ ...given, perSplit: true });
    expect(only!.files.length).toBe(6);
    expect((await table(given.out, part2, "presence.csv")).map(({ name }) => name))
      .toEqual(["test_ct_scan_1", "test_ct_scan_2"]);
  });

  test("a folder of scans alone, and a labelled split by name", async () => {
    const { tasks } = await submit(options({ directory: join(challenge, part2) }));
    expect(tasks.map(({ task, scans }) => [task, scans])).toEqual([["severity", 2]]);
    const named = await submissionScans({ directory: data, splits: ["validation"] });
    expect([named.presence.length, named.severity.length]).toEqual([4, 4]);
  });

  test.each<[string, () => Partial<SubmitOptions>, new (...args: never[]) => Error, RegExp]>([
    ["no run", () => ({ runs: [] }), ConfigError, /no run is given/],
    ["a run twice", () => ({ runs: [both, both] }), ConfigError, /given twice/],
    ["no run folder", () => ({ runs: [data] }), RunError, /not a run folder/],
    ["no unlabelled scans", () => ({ directory: data }), DataError, /no unlabelled scans.*--split/],
    ["an unknown split", () => ({ splits: ["part9"] }), DataError, /no split "part9"/],
    [
      "severity of λ = 0",
      () => ({ runs: [presenceOnly], task: "severity" }),
      ConfigError,
      /no run was trained for sev/,
    ],
    ["no scans of the task", () => ({ directory: join(challenge, part1), task: "severity" }), DataError, /is for sev/],
    ["a missing folder", () => ({ directory: "/nowhere" }), DataError, /nowhere/],
  ])("%s is refused before anything is written", async (_name, changes, error, message) => {
    const given = options(changes());
    const refused = await submit(given).then(() => undefined, (reason: unknown) => reason as Error);
    expect(refused).toBeInstanceOf(error);
    expect(refused!.message).toMatch(message);
    await expect(Deno.stat(given.out)).rejects.toThrow(Deno.errors.NotFound);
  });

  test("an empty scan is named; with skipUnreadable it is the one without an answer", async () => {
    const empty = join(challenge, part3, "test_ct_scan_4");
    await Deno.mkdir(empty);
    const given = options({ task: "presence" });
    await expect(submit(given)).rejects.toThrow(/test_ct_scan_4/);
    const { tasks: [only] } = await submit({ ...given, skipUnreadable: true });
    await Deno.remove(empty);
    expect(only!.failed.map(({ folder }) => basename(folder))).toEqual(["test_ct_scan_4"]);
    expect(Object.values(only!.counts).reduce((a, b) => a + b)).toBe(3);
  });
});

describe("files", () => {
  test("data.output_order: names by their first number", async () => {
    const { inputs, expected } = oracle("data.output_order");
    const answers = inputs.names.map((scan: string) => {
      const prediction: Prediction = {
        ...{ key: scan, scan, folder: scan, slices: 1, skippedSlices: [] },
        ...{ presence: true, presenceProbability: 0.75, severity: "severe", severityProbabilities: [0, 0, 1, 0] },
      };
      return { split: "test", prediction };
    });
    const out = join(folder, "order");
    await writeTaskFiles(out, "presence", answers, "txt");
    await writeTaskFiles(out, "severity", answers, "txt");
    for (const list of ["covid.txt", "severe.txt"]) expect(await lines(out, list)).toEqual(expected.order);
    for (const list of ["non-covid.txt", "mild.txt", "moderate.txt", "critical.txt"]) {
      expect(await Deno.readTextFile(join(out, list))).toBe("");
    }
  });

  test("the parts of the 2022 test set and their tasks", () => {
    expect([part1, "part1_2_test_set_ECCV", part3].map(tasksOfSplit)).toEqual([["presence"], ["presence"], [
      "presence",
    ]]);
    expect([part2, "part_2_test_set_ICASSP_23"].map(tasksOfSplit)).toEqual([["severity"], ["severity"]]);
    for (const other of ["test", "part_22", "participants"]) expect(tasksOfSplit(other).length).toBe(2);
  });
});

test("a regression head grades alone, without probabilities, and is not averaged", async () => {
  const regression = await trained(0.5, { severityHead: "regression" });
  const given = options({ runs: [regression], task: "severity" });
  expect((await submit(given)).tasks[0]).toMatchObject({ task: "severity", rule: "single model" });
  for (const { prediction, ...row } of await table(given.out, "severity.csv")) {
    expect(severities).toContain(prediction);
    expect(row).toMatchObject({ mild_probability: "", critical_probability: "" });
  }
  await expect(submit(options({ runs: [both, regression] }))).rejects.toMatchObject({ code: "submit.regression" });
});

describe("cov3d submit", () => {
  test("--json is one document; progress is on the other stream", async () => {
    const out = join(folder, "cli");
    const { code, stdout, stderr } = await cov3d([
      ...["submit", both, presenceOnly, challenge, "--out", out, "--task", "presence"],
      ...["--engine", "wasm", "--cache", cache, "--json"],
    ]);
    expect(code, stderr).toBe(0);
    const { tasks, finished } = JSON.parse(stdout);
    expect(finished).toBe(true);
    expect(tasks[0]).toMatchObject({ task: "presence", scans: 3, rule: "mean of probabilities" });
    expect((await lines(out, "covid.txt")).length + (await lines(out, "non-covid.txt")).length).toBe(3);
  });

  // Each model has a Worker of its own; two that both looked for a GPU took the process down when it ended.
  test("two models on the engine that auto takes end with exit code 0", async () => {
    const out = join(folder, "auto");
    const { code, stderr } = await cov3d(["submit", both, presenceOnly, challenge, "--out", out, "--engine", "auto"]);
    expect(code, stderr).toBe(0);
  });

  test("a folder alone, or no labels to be missing: usage and data errors", async () => {
    const alone = await cov3d(["submit", challenge, "--out", join(folder, "x")]);
    expect([alone.code, alone.stdout]).toEqual([2, ""]);
    expect(alone.stderr).toContain("cov3d submit RUN… DIR --out FOLDER");
    const labelled = await cov3d(["submit", both, data, "--out", join(folder, "x")]);
    expect([labelled.code, labelled.stdout]).toEqual([3, ""]);
    expect(labelled.stderr).toContain("Name one with --split");
  });

  test("--help shows the paper's two ensembles", async () => {
    const { code, stdout } = await cov3d(["submit", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("runs/table3-{1,2,3,4}-*");
    expect(stdout).toContain("runs/table3-{14,28,16,25}-*");
  });
});
