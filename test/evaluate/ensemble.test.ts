/** Ensembles of real (tiny, hardly trained) runs of different sizes, and of tables. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { combinePresence, combineSeverity } from "../../lib/evaluate/combine.ts";
import { compareModels } from "../../lib/evaluate/compare_models.ts";
import { ensemble, type EnsembleOptions } from "../../lib/evaluate/ensemble.ts";
import { evaluate } from "../../lib/evaluate/evaluate.ts";
import { predict } from "../../lib/evaluate/predict.ts";
import type { Prediction } from "../../lib/evaluate/prediction.ts";
import { readPredictions } from "../../lib/evaluate/prediction_table.ts";
import { predictionTableCsv } from "../../lib/evaluate/record.ts";
import { train } from "../../lib/train/train.ts";
import { cov3d } from "../support/command_line.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";
import { prediction, scanTruth } from "./support/predictions.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-ensemble-" });
const directory = join(folder, "data"), cache = join(folder, "cache");
/** Both tasks; both tasks at another size; presence alone (λ = 0). */
const runs = { a: join(folder, "a"), b: join(folder, "b"), presenceOnly: join(folder, "c") };
const engine = "wasm";

beforeAll(async () => {
  await writeTinyDataset({ directory, train: 4, validation: 4 });
  const test = join(directory, "test");
  for (const group of ["covid", "non-covid"]) {
    await Deno.mkdir(test, { recursive: true });
    await Deno.rename(join(directory, "validation", group, "ct_scan_4"), join(test, `test_ct_scan_${group.length}`));
  }
  const model = { model: "tiny" as const, widths: [2, 2, 4, 4], dropout: 0.2, penultimate: 4 };
  const config = (seed: number, width: number, severityFactor = 0.5) => ({
    ...{ engine, seed, epochs: 1, model, loss: { severityFactor } } as const,
    data: { directory, cache, size: { depth: 4, height: width, width } },
  });
  await train({ config: config(1, 16), out: runs.a });
  await train({ config: config(2, 8), out: runs.b });
  await train({ config: config(3, 16, 0), out: runs.presenceOnly });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const combined = (options: Partial<EnsembleOptions>) =>
  ensemble({ directory, cache, engine, resamples: 20, out: join(folder, "ensemble"), ...options });

const byKey = (predictions: readonly Prediction[]) => new Map(predictions.map((one) => [one.key, one]));

describe("of runs", () => {
  test("each with its own preprocessing: means of what the members predict; written, scored, reused", async () => {
    const first = await combined({ members: Object.values(runs), split: "validation" });
    expect(first.members.presence.map(({ origin }) => origin)).toEqual(["predicted", "predicted", "predicted"]);
    expect(first.members.severity.map(({ source }) => source)).toEqual([runs.a, runs.b]); // λ = 0 has no severity
    const paths = ["covid", "non-covid"].map((group) => join(directory, "validation", group));
    const alone = await Promise.all(
      Object.values(runs).map(async (run) => (await predict({ run, paths, engine, cache })).predictions),
    );
    first.predictions.forEach((prediction) => {
      const members = alone.map((all) => all.find(({ folder }) => folder === prediction.folder)!);
      expect(prediction.presenceProbability)
        .toBeCloseTo(combinePresence(members.map((member) => member.presenceProbability!)).probability, 12);
      const grades = members.flatMap(({ severityProbabilities: q }) => q === null ? [] : [q]);
      expect(grades).toHaveLength(2);
      combineSeverity(grades).probabilities.forEach((q, i) =>
        expect(prediction.severityProbabilities![i]).toBeCloseTo(q, 12)
      );
    });
    expect(first).toMatchObject({ scans: 6, labelled: 6, presence: { scans: 6 } });
    expect((await readPredictions(first.files.predictions)).predictions.map(({ key }) => key))
      .toEqual(first.predictions.map(({ key }) => key));
    const record = JSON.parse(await Deno.readTextFile(first.files.ensemble));
    expect(record.members.presence[0].sha256.presence).toMatch(/^[0-9a-f]{64}$/);

    const again = await combined({ members: Object.values(runs), split: "validation" });
    expect(again.members.presence.map(({ origin }) => origin)).toEqual(Array(3).fill("ensemble folder"));
    expect(again.predictions).toEqual(first.predictions);
  });

  test("kept predictions are not used for other options, damaged tables or other scans", async () => {
    const origins = async (options: Partial<EnsembleOptions>) =>
      (await combined({ members: [runs.a], out: join(folder, "kept"), ...options })).members.presence[0]!.origin;
    expect(await origins({})).toBe("predicted");
    expect(await origins({})).toBe("ensemble folder");
    expect(await origins({ reflection: false })).toBe("predicted");
    expect(await origins({ split: "train" })).toBe("predicted");
    for await (const { name } of Deno.readDir(join(folder, "kept", "members"))) {
      const file = join(folder, "kept", "members", name, "predictions.csv");
      await Deno.writeTextFile(file, (await Deno.readTextFile(file)).slice(0, -9));
    }
    expect(await origins({})).toBe("predicted");
    // An evaluation in the run's own folder serves as well, while it belongs to the same scans.
    await evaluate({ run: runs.a, directory, split: "train", engine, cache, resamples: 10 });
    expect(await origins({ split: "train", out: join(folder, "other") })).toBe("run folder");
  });

  test("other members for each task; a member that does not answer its task is refused", async () => {
    const out = join(folder, "tasks");
    const result = await combined({ out, presence: [runs.a, runs.presenceOnly], severity: [runs.b] });
    expect(result.members.presence.map(({ source }) => source)).toEqual([runs.a, runs.presenceOnly]);
    const b = byKey((await combined({ members: [runs.b] })).predictions);
    for (const { key, severityProbabilities } of result.predictions) {
      expect(severityProbabilities).toEqual(b.get(key)!.severityProbabilities);
    }
    await expect(combined({ out, severity: [runs.presenceOnly] })).rejects.toMatchObject({
      name: "ConfigError",
      code: "ensemble.untrained",
      file: runs.presenceOnly,
    });
    const presence = await combined({ out, members: [runs.a], task: "presence" });
    expect(presence.severity).toBeNull();
    expect(presence.predictions[0]!.severity).toBeNull();
  });

  test("an unlabelled split: predictions and no scores", async () => {
    const result = await combined({ members: [runs.a, runs.b], split: "test" });
    expect(result).toMatchObject({ scans: 2, labelled: 0, presence: null, severity: null });
    expect(result.files).not.toHaveProperty("evaluation");
    expect(await Deno.readTextFile(result.files.predictions)).not.toContain("true_presence");
  });

  test("stopped: the finished member is kept", async () => {
    const stop = new AbortController(), out = join(folder, "stopped");
    const options = { members: [runs.a, runs.b], out };
    await expect(combined({
      ...options,
      signal: stop.signal,
      onProgress: ({ member, done }) => member === 2 && done === 1 && stop.abort(),
    })).rejects.toMatchObject({ name: "RunError", code: "ensemble.stopped" });
    const { members } = await combined(options);
    expect(members.presence.map(({ origin }) => origin)).toEqual(["ensemble folder", "predicted"]);
  });

  test("compared with a member: the ensemble's folder is a model too", async () => {
    const { folder: first } = await combined({ members: [runs.a, runs.b] });
    const options = { first, second: runs.a, directory, cache, engine, resamples: 20 } as const;
    const result = await compareModels(options);
    expect(result).toMatchObject({
      scans: 6,
      first: { kind: "ensemble" },
      second: { kind: "run", predictedNow: true },
    });
    expect((await compareModels(options)).second.predictedNow).toBe(false);
    expect(result.warnings.filter((warning) => warning.includes("trained on"))).toEqual([]);
    await combined({ members: [runs.a, runs.b], split: "train" });
    expect((await compareModels({ ...options, split: "train" })).warnings).toEqual(
      expect.arrayContaining([runs.a, runs.b].map((run) => `${run} was trained on 8 of these 8 scans`)),
    );
  });

  test("command line: the last place is the dataset; members by task", async () => {
    const out = join(folder, "ensemble");
    const { code, stdout, stderr } = await cov3d(
      ["ensemble", runs.a, runs.b, directory, "--engine", engine, "--cache", cache, "--out", out, "--resamples", "20"],
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining("ensemble.json")]);
    expect(stdout).toMatch(/members for presence \(2\)[\s\S]*ensemble folder[\s\S]*macro F1/);
  });
});

describe("of tables", () => {
  const write = async (name: string, predictions: readonly Prediction[], labelled = false) => {
    const file = join(folder, name);
    await Deno.writeTextFile(
      file,
      predictionTableCsv(predictions, labelled ? predictions.map((_, i) => scanTruth(i === 0)) : undefined),
    );
    return file;
  };
  const three = (values: readonly [number, number][]) =>
    Promise.all(values.map(([x, y], i) => write(`t${i}.csv`, [prediction("x", x), prediction("y", y)], i === 1)));

  test("both rules; truth from the table that has it", async () => {
    const members = await three([[0.99, 0.1], [0.3, 0.2], [0.3, 0.3]]);
    const out = join(folder, "tables");
    const paper = await ensemble({ members, out, resamples: 20 });
    expect(paper.predictions.map(({ presence }) => presence)).toEqual([true, false]);
    expect(paper.presence!.accuracy.value).toBe(1);
    const strong = await three([[0.95, 0.1], [0.2, 0.2], [0.2, 0.3]]);
    const rules = await Promise.all(
      (["paper", "logits"] as const).map((rule) => ensemble({ members: strong, out, rule })),
    );
    expect(rules.map(({ predictions }) => predictions[0]!.presenceProbability)).toEqual([
      expect.closeTo(0.45, 12),
      expect.closeTo(1 / (1 + Math.exp(-(Math.log(19) - 2 * Math.log(4)) / 3)), 12),
    ]);
  });

  test("tables alone name their split; keys that do not are taken for the default's", async () => {
    const keyed = await write("keyed.csv", [prediction("test/covid/x", 0.9), prediction("test/non-covid/y", 0.1)]);
    const out = join(folder, "keyed");
    const result = await ensemble({ members: [keyed], out, resamples: 20 });
    expect(result.split).toBe("test");
    expect(result.files.predictions).toBe(join(out, "predictions-test.csv"));
    expect((await ensemble({ members: [keyed], out, split: "other", resamples: 20 })).split).toBe("other");
    const plain = await write("plain.csv", [prediction("x", 0.9), prediction("y", 0.1)]);
    expect((await ensemble({ members: [plain], out, resamples: 20 })).split).toBe("validation");
  });

  test("other scans are refused, or left out and listed", async () => {
    const members = [
      await write("two.csv", [prediction("x", 0.1), prediction("y", 0.2)]),
      await write("one.csv", [prediction("y", 0.4)]),
    ];
    const out = join(folder, "uneven");
    await expect(ensemble({ members, out })).rejects.toMatchObject({ name: "DataError", code: "ensemble.scans" });
    const result = await ensemble({ members, out, skipUnreadable: true });
    expect(result.predictions.map(({ key, presenceProbability }) => [key, presenceProbability])).toEqual([
      ["y", expect.closeTo(0.3, 12)],
    ]);
    expect(result.failed.map(({ key }) => key)).toEqual(["x"]);
  });

  test("a member that is given twice is refused", async () => {
    const file = await write("twice.csv", [prediction("x", 0.9)]), out = join(folder, "twice");
    for (const given of [{ members: [file, file] }, { presence: [file, `${folder}/./twice.csv`] }]) {
      await expect(ensemble({ ...given, out })).rejects.toMatchObject({ code: "ensemble.members", file });
    }
    expect((await ensemble({ presence: [file], severity: [file], task: "presence", out })).scans).toBe(1);
  });

  test("the command line writes over no ensemble of other members", async () => {
    const [one, two] = await three([[0.9, 0.1], [0.8, 0.2]]), out = join(folder, "held");
    const call = (...args: string[]) => cov3d(["ensemble", ...args, "--out", out, "--resamples", "20"]);
    expect((await call(one!, two!)).code).toBe(0);
    const other = await call(one!);
    expect([other.code, other.stdout]).toEqual([1, ""]);
    expect(other.stderr).toMatch(/ensemble of other members is here already.*--out/);
    expect((await call(two!, one!)).code).toBe(0);
  });

  test("no members; the command line says so", async () => {
    await expect(ensemble({ out: join(folder, "none") })).rejects.toMatchObject({ code: "ensemble.members" });
    const wrong = await cov3d(["ensemble", "--out", join(folder, "none")]);
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect((await cov3d(["ensemble", "--help"])).stdout).toContain("--severity runs/row-14");
  });
});
