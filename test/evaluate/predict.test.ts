/** Prediction and evaluation of a real (tiny, hardly trained) run, in Workers, on every engine that is here. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import Papa from "papaparse";
import sharp from "sharp";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { evaluate } from "../../lib/evaluate/evaluate.ts";
import { predictionsCsv } from "../../lib/evaluate/prediction.ts";
import { predict } from "../../lib/evaluate/predict.ts";
import { evaluationTable } from "../../lib/evaluate/summary.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import type { TrainConfigInput } from "../../lib/train/config.ts";
import { train } from "../../lib/train/train.ts";
import { cov3d } from "../support/command_line.ts";
import { eachEngine } from "../support/engines.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-predict-" });
const data = join(folder, "data"), cache = join(folder, "cache");

beforeAll(async () => {
  await generatePhantom({
    directory: data,
    seed: 5,
    scans: { train: 8, validation: 6, test: 8 },
    sliceSize: 32,
    positiveShare: 0.6,
    annotatedShare: 0.8,
  });
});

afterAll(() => Deno.remove(folder, { recursive: true }));

function config(engine: EngineName, severityFactor = 0.5): TrainConfigInput {
  return {
    engine,
    epochs: 1,
    seed: 3,
    data: { directory: data, cache, size: { depth: 8, height: 16, width: 16 } },
    model: { model: "tiny", widths: [2, 2, 4, 4], dropout: 0, penultimate: 4 },
    loss: { severityFactor },
    optimizer: { learningRate: 1e-3 },
  };
}

/** Trains once per engine and λ. */
const runs = new Map<string, Promise<string>>();
function trained(engine: EngineName, severityFactor = 0.5): Promise<string> {
  const out = join(folder, `run-${engine}-${severityFactor}`);
  if (!runs.has(out)) runs.set(out, train({ config: config(engine, severityFactor), out }).then(() => out));
  return runs.get(out)!;
}

const scans = (split: string) => [join(data, split, "covid"), join(data, split, "non-covid")];

/** One scan as PNG slices, and the same with left and right exchanged by the image library. */
async function mirrorPair(name: string): Promise<[string, string]> {
  const pair: [string, string] = [
    join(folder, `mirror-${name}`, "original"),
    join(folder, `mirror-${name}`, "mirrored"),
  ];
  const source = (await predictable())[0]!;
  for (const [i, target] of pair.entries()) {
    await Deno.mkdir(target, { recursive: true });
    for await (const { name } of Deno.readDir(source)) {
      const image = sharp(join(source, name)).greyscale();
      await (i === 0 ? image : image.flop()).png().toFile(join(target, name.replace(".jpg", ".png")));
    }
  }
  return pair;
}

async function predictable(): Promise<string[]> {
  const covid = join(data, "test", "covid");
  return (await Array.fromAsync(Deno.readDir(covid))).map(({ name }) => join(covid, name)).sort();
}

eachEngine("predict", (engine) => {
  test("raw scan folders: one row a scan, probabilities that add up, the same each time", async () => {
    const run = await trained(engine);
    const progress: number[] = [];
    const first = await predict({ run, paths: scans("test"), engine, onProgress: ({ done }) => progress.push(done) });
    expect(first.predictions).toHaveLength(8);
    expect(first.finished).toBe(true);
    expect(first.weights).toEqual({ presence: "best-presence", severity: "best-severity" });
    expect(progress.at(-1)).toBe(8);
    for (const { presence, presenceProbability, severityProbabilities, severity, skippedSlices } of first.predictions) {
      expect(presence).toBe(presenceProbability! >= 0.5);
      expect(severityProbabilities!.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
      expect(["mild", "moderate", "severe", "critical"]).toContain(severity);
      expect(skippedSlices).toEqual([]);
    }
    const again = await predict({ run, paths: scans("test"), engine });
    expect(again.predictions).toEqual(first.predictions);
  });

  test("the cache gives the same numbers as the slices", async () => {
    const run = await trained(engine);
    const direct = await predict({ run, paths: scans("test"), engine });
    const cached = await predict({ run, paths: scans("test"), engine, cache });
    expect(cached.predictions).toEqual(direct.predictions);
  });

  test("reflection is the mean over a scan and its mirror image", async () => {
    const run = await trained(engine);
    const [original, mirrored] = await mirrorPair(engine);
    const alone = await predict({ run, paths: [original, mirrored], engine, reflection: false });
    const both = await predict({ run, paths: [original], engine });
    const [a, b] = alone.predictions.map(({ presenceProbability }) => presenceProbability!) as [number, number];
    expect(a).not.toBe(b);
    expect(both.predictions[0]!.presenceProbability).toBeCloseTo((a + b) / 2, 6);
  });

  test("evaluate scores what it predicted and keeps it in the run", async () => {
    const run = await trained(engine);
    const result = await evaluate({ run, directory: data, split: "test", engine, cache, resamples: 50 });
    const { data: rows } = Papa.parse<Record<string, string>>(await Deno.readTextFile(result.files.predictions), {
      header: true,
      skipEmptyLines: true,
    });
    expect(rows).toHaveLength(8);
    const truth = rows.map((row) => Number(row.true_presence === "true"));
    const predicted = rows.map((row) => Number(row.presence === "true"));
    expect(truth).toEqual(rows.map(({ key }) => Number(key!.startsWith("test/covid/"))));
    expect(result.presence!.macroF1.value).toBeCloseTo(classificationScores(truth, predicted).macroF1, 12);
    expect(result.severity!.scans).toBe(rows.filter((row) => row.true_severity !== "").length);
    expect(result.intervals.unit).toBe("patient");
    const record = JSON.parse(await Deno.readTextFile(result.files.evaluation));
    expect(record.presence.macroF1).toEqual(result.presence!.macroF1);
    expect(record).not.toHaveProperty("predictions");
    expect(evaluationTable(result)).toContain("macro F1");
  });

  test.each([[0, "severity"], [1, "presence"]] as const)(
    "λ = %d: %s is not trained and no number",
    async (factor, task) => {
      const run = await trained(engine, factor);
      const result = await evaluate({ run, directory: data, split: "test", engine, cache, resamples: 20 });
      expect(result[task]).toBeNull();
      expect(result.weights[task]).toBeNull();
      expect(evaluationTable(result)).toContain(`${task}: –`);
      for (const prediction of result.predictions) {
        expect(task === "presence" ? prediction.presenceProbability : prediction.severityProbabilities).toBeNull();
        expect(prediction[task]).toBeNull();
      }
    },
  );
});

describe("what cannot be predicted", () => {
  const engine = "wasm";

  test("no such run", async () => {
    await expect(predict({ run: join(folder, "nothing"), paths: scans("test") })).rejects.toMatchObject({
      name: "RunError",
      code: "run.missing",
    });
  });

  test("a run that has not finished an epoch", async () => {
    const stop = new AbortController();
    const out = join(folder, "run-stopped");
    await train({
      config: { ...config(engine), epochs: 50 },
      out,
      signal: stop.signal,
      onProgress: (progress) => {
        if (progress.kind === "step") stop.abort();
      },
    });
    await expect(predict({ run: out, paths: scans("test"), engine })).rejects.toMatchObject({
      name: "RunError",
      code: "run.no-epoch",
    });
    await expect(predict({ run: out, paths: scans("test"), engine, weights: "best-presence" })).rejects.toMatchObject({
      code: "run.no-weights",
    });
    const { predictions } = await predict({ run: out, paths: scans("test"), engine, weights: "last" });
    expect(predictions).toHaveLength(8);
  });

  test("a folder without slices, and no folder", async () => {
    const run = await trained(engine);
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    await expect(predict({ run, paths: [empty], engine })).rejects.toMatchObject({ name: "DataError", file: empty });
    await expect(predict({ run, paths: [join(empty, "x")], engine })).rejects.toMatchObject({ name: "DataError" });
    await expect(predict({ run, paths: [], engine })).rejects.toMatchObject({ code: "scan-missing" });
  });

  test("a damaged slice stops it, or is left out and recorded; a scan of nothing else is a failed scan", async () => {
    const run = await trained(engine);
    const half = join(folder, "damaged", "half"), none = join(folder, "damaged", "none");
    const source = (await predictable())[0]!;
    await Deno.mkdir(half, { recursive: true });
    await Deno.mkdir(none);
    for await (const { name } of Deno.readDir(source)) await Deno.copyFile(join(source, name), join(half, name));
    await Deno.writeTextFile(join(half, "1.jpg"), "not an image");
    await Deno.writeTextFile(join(none, "0.jpg"), "not an image");
    await expect(predict({ run, paths: [half], engine })).rejects.toMatchObject({
      name: "DataError",
      file: join(half, "1.jpg"),
    });
    const result = await predict({ run, paths: [half, none], engine, skipUnreadable: true });
    expect(result.predictions.map(({ scan, skippedSlices }) => [scan, skippedSlices])).toEqual([["half", ["1.jpg"]]]);
    expect(result.failed.map(({ folder }) => folder)).toEqual([none]);
  });

  test("a split that is not there, or has no labels", async () => {
    const run = await trained(engine);
    await expect(evaluate({ run, directory: data, split: "nowhere", engine })).rejects.toMatchObject({
      code: "split.missing",
    });
    const dataset = {
      root: data,
      notes: [],
      scans: [{ ...scanWithoutLabel, split: "part1" }],
    };
    await expect(evaluate({ run, dataset, split: "part1", engine })).rejects.toMatchObject({
      code: "split.unlabelled",
    });
  });

  test("stopping ends after the current scan with what is done", async () => {
    const run = await trained(engine);
    const stop = new AbortController();
    const result = await predict({
      run,
      paths: scans("test"),
      engine,
      signal: stop.signal,
      onProgress: ({ done }) => done === 2 && stop.abort(),
    });
    expect(result.finished).toBe(false);
    expect(result.predictions.length).toBeGreaterThanOrEqual(2);
    expect(result.predictions.length).toBeLessThan(8);
  });
});

describe("command line", () => {
  const engine = "wasm";

  test("predict --json prints one document; --csv writes the same rows", async () => {
    const run = await trained(engine);
    const csv = join(folder, "predictions.csv");
    const { code, stdout } = await cov3d([
      "predict",
      "--run",
      run,
      "--engine",
      engine,
      "--json",
      "--csv",
      csv,
      ...scans("test"),
    ]);
    expect(code).toBe(0);
    const { predictions } = JSON.parse(stdout);
    expect(predictions).toHaveLength(8);
    const { data: rows } = Papa.parse<Record<string, string>>(await Deno.readTextFile(csv), {
      header: true,
      skipEmptyLines: true,
    });
    expect(rows.map((row) => Number(row.presence_probability))).toEqual(
      predictions.map((row: Record<string, unknown>) => row.presence_probability),
    );
  });

  test("nothing but damaged scans: exit code 3, and a CSV with a header only", async () => {
    const damaged = join(folder, "damaged", "ct_scan_0"), csv = join(folder, "none.csv");
    await Deno.mkdir(damaged, { recursive: true });
    await Deno.writeTextFile(join(damaged, "0.jpg"), "no image");
    const args = ["predict", "--run", await trained(engine), "--engine", engine, damaged, "--csv", csv, "--json"];
    const { code, stdout } = await cov3d([...args, "--skip-unreadable"]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ predictions: [], failed: [{ key: "damaged/ct_scan_0" }] });
    const header = Deno.readTextFileSync(csv);
    expect(header).toMatch(/^key,scan,folder,presence_probability,.*,slices,skipped_slices\n$/);
    expect(header).toBe(predictionsCsv([]));
  });

  test("evaluate takes the dataset of the run, and prints a table", async () => {
    const run = await trained(engine);
    const { code, stdout, stderr } = await cov3d(["evaluate", "--run", run, "--engine", engine, "--resamples", "20"]);
    expect(code).toBe(0);
    expect(stdout).toContain("validation: 6 scans");
    expect(stdout).toContain("truth \\ predicted");
    expect(stderr).toContain("evaluation-validation.json");
  });

  test("errors have exit codes and one line", async () => {
    const missing = await cov3d(["predict", "--run", join(folder, "nothing"), "--json", ...scans("test")]);
    expect([missing.code, missing.stdout]).toEqual([1, ""]);
    expect(missing.stderr).toContain("this is not a run folder");
    expect((await cov3d(["predict", "x"])).code).toBe(2);
    const run = await trained(engine);
    expect((await cov3d(["predict", "--run", run, join(folder, "no-such-scan")])).code).toBe(3);
  });
});

const realCt = Deno.env.get("COV3D_REAL_CT");

test.skipIf(realCt === undefined)(
  "real CT: slice folders are predicted and scored, per patient (skipped unless COV3D_REAL_CT names a folder with sars/)",
  async () => {
    const run = await trained("wasm"), directory = join(realCt!, "sars");
    const covid = join(directory, "validation", "covid");
    const { predictions } = await predict({ run, paths: [covid], engine: "wasm" });
    expect(predictions).toHaveLength((await Array.fromAsync(Deno.readDir(covid))).length);
    for (const { presenceProbability } of predictions) expect(presenceProbability).toBeGreaterThan(0);
    const scores = await evaluate({
      run,
      directory,
      patients: join(directory, "scan_patients.csv"),
      engine: "wasm",
      cache,
      resamples: 50,
    });
    expect(scores.intervals.unit).toBe("patient");
    expect(scores.presence!.scans).toBe(scores.truth.length);
    expect(scores.severity).toBeNull(); // no grades there
  },
  300_000,
);

const scanWithoutLabel = {
  id: "a",
  key: "part1/a",
  severity: "undefined",
  folder: join(data, "a"),
  slices: ["0.jpg"],
  ignored: 0,
} as const;
