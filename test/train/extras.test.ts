/** Runs with the original's other heads and with every extra, from slices to scores; and the default, which is unchanged. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataset } from "../../lib/data/dataset.ts";
import { severities } from "../../lib/data/types.ts";
import { DataError } from "../../lib/errors.ts";
import { evaluate } from "../../lib/evaluate/evaluate.ts";
import { predict } from "../../lib/evaluate/predict.ts";
import { predictionRow } from "../../lib/evaluate/prediction.ts";
import { runFigures } from "../../lib/report/run_figures.ts";
import { runReport } from "../../lib/report/run_report.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import type { TrainConfigInput } from "../../lib/train/config.ts";
import type { TrainProgress } from "../../lib/train/progress.ts";
import { readRun } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string, directory: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-extras-" });
  directory = await writeTinyDataset({ directory: join(folder, "data") });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

function config(change: Partial<TrainConfigInput> = {}): TrainConfigInput {
  return {
    ...{ epochs: 2, batchSize: 4, seed: 3, engine: "wasm" },
    model: { model: "tiny", dropout: 0.1 },
    optimizer: { learningRate: 1e-3 },
    ...change,
    data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 }, ...change.data },
  };
}

test("what is switched off changes nothing: the losses of the version before these options, bit for bit", async () => {
  const out = join(folder, "default");
  await train({ config: config(), out });
  const { steps, epochs } = await readRun(out);
  expect(steps.map(({ loss, presenceLoss, severityLoss }) => [loss, presenceLoss, severityLoss])).toEqual([
    [1.0708301803355886, 0.7017258759071235, 1.4399344847640536],
    [0.8517577221215361, 0.6673853765890609, 1.0361300676540113],
    [1.0669452000118835, 0.6633681736855603, 1.4705222263382067],
    [0.9997272820853855, 0.7031735903326506, 1.2962809738381205],
    [1.0033578654134754, 0.6510093808510153, 1.3557063499759356],
    [0.9800872154070479, 0.6606293454357054, 1.2995450853783903],
  ]);
  expect(epochs.map(({ validationLoss }) => validationLoss)).toEqual([1.0114792021612267, 1.0161745718758382]);
});

describe("other severity heads, from training to the report", () => {
  const heads = [
    { head: "four-class", outputs: 5, loss: { severityHead: "four-class", neighbourSmoothing: true } },
    { head: "regression", outputs: 2, loss: { severityHead: "regression" } },
  ] as const;
  test.each(heads)("$head", async ({ head, outputs, loss }) => {
    const out = join(folder, head);
    const result = await train({ config: config({ loss }), out });
    expect(result).toMatchObject({ status: "finished", epochs: 2 });
    const run = await readRun(out);
    expect(run.config.model.outputs).toBe(outputs);
    expect(run.checkpoints).toContain("best-severity");
    expect(run.steps.some(({ severityLoss }) => severityLoss! > 0)).toBe(true);
    expect(run.epochs.every(({ severity }) => severity!.confusion.flat().reduce((a, b) => a + b) === 2)).toBe(true);

    const dataset = await openDataset({ directory });
    const evaluation = await evaluate({
      run: out,
      dataset,
      cache: join(folder, "cache"),
      engine: "wasm",
      resamples: 20,
    });
    expect(evaluation.severity!.scans).toBe(2);
    const { predictions } = await predict({ run: out, paths: [join(directory, "validation/covid")], engine: "wasm" });
    expect(predictions.length).toBe(4);
    for (const prediction of predictions) {
      expect(severities).toContain(prediction.severity);
      const row = predictionRow(prediction);
      const probabilities = severities.map((grade) => row[`severity_${grade}_probability`]);
      if (head === "regression") expect(probabilities).toEqual([null, null, null, null]);
      else expect((probabilities as number[]).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    }
    const report = runReport({
      ...{ title: head, introduction: "", run, dataset, evaluation, environment: {} },
      figures: await runFigures({ run, evaluation, dataset }),
    });
    const words = report.replaceAll(/base64,[^"]*/g, "");
    expect(/.{40}(NaN|undefined|null).{40}/.exec(words)?.[0]).toBeUndefined();
  });
});

describe("every extra at once", () => {
  const weightsFile = () => join(folder, "weights.csv");
  const extras = () =>
    config({
      augment: { brightness: 0.05, contrast: 0.1, mixup: 0.4, reflectValidation: true },
      loss: { focalGamma: 2, earthMover: 0.1, severityWeights: "none" },
      inference: { reflectionRule: "code2022" },
      data: { itemWeights: weightsFile() } as TrainConfigInput["data"],
    });
  const finalState = async (run: string) => {
    const { steps, epochs } = await readRun(run);
    return {
      files: (await readCheckpoint(join(run, "checkpoints"), "last")).files,
      steps,
      epochs: epochs.map(({ timing: _, ...line }) => line),
    };
  };

  test("stopped and resumed it ends as if it had not been; other weights are other data", async () => {
    const [whole, stopped] = [join(folder, "whole"), join(folder, "stopped")];
    await Deno.writeTextFile(weightsFile(), "scan;weight\ntrain/covid/ct_scan_2;0.25\ntrain/non-covid/ct_scan_1;0\n");
    await train({ config: extras(), out: whole });
    const controller = new AbortController();
    const onProgress = (message: TrainProgress) => message.kind === "step" && message.step === 4 && controller.abort();
    const { status } = await train({ config: extras(), out: stopped, onProgress, signal: controller.signal });
    expect(status).toBe("stopped");
    const text = await Deno.readTextFile(weightsFile());
    await Deno.writeTextFile(weightsFile(), text.replace("0.25", "0.5"));
    await expect(resume({ run: stopped })).rejects.toMatchObject({ code: "run.item_weights_changed" });
    await Deno.writeTextFile(weightsFile(), text);
    await resume({ run: stopped });
    const expected = await finalState(whole);
    expect(await finalState(stopped)).toEqual(expected);
    expect(expected.steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    const plain = (await readRun(join(folder, "default"))).steps.map(({ loss }) => loss);
    expect(expected.steps.map(({ loss }) => loss)).not.toEqual(plain);
  });

  test("weights that cannot be used are refused before anything is computed", async () => {
    const out = join(folder, "refused");
    await Deno.writeTextFile(weightsFile(), "scan;weight\nct_scan_77;1\n");
    await expect(train({ config: extras(), out })).rejects.toThrow(DataError);
    await expect(Deno.stat(out)).rejects.toThrow(Deno.errors.NotFound);
    const one = { ...extras(), batchSize: 1 };
    await expect(train({ config: one, out })).rejects.toThrow(/batchSize: mixup needs two scans/);
  });
});
