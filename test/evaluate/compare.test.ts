import { afterAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { comparePredictions } from "../../lib/evaluate/compare.ts";
import { compareModels } from "../../lib/evaluate/compare_models.ts";
import { comparisonTable } from "../../lib/evaluate/compare_summary.ts";
import { delongTest } from "../../lib/evaluate/delong.ts";
import { mcnemar } from "../../lib/evaluate/mcnemar.ts";
import type { Prediction, Truth } from "../../lib/evaluate/prediction.ts";
import { predictionTableCsv } from "../../lib/evaluate/record.ts";
import { scorePredictions } from "../../lib/evaluate/labelled.ts";
import { randomStream } from "../../lib/random.ts";
import { cov3d } from "../support/command_line.ts";
import { prediction, scanTruth } from "./support/predictions.ts";
import { severities } from "../../lib/data/types.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-compare-" });
afterAll(() => Deno.remove(folder, { recursive: true }));

/** A model whose scores are the truth and noise. */
function model(seed: number, noise: number, scans = 80): Prediction[] {
  const random = randomStream(seed, "model");
  const clip = (value: number) => Math.min(0.99, Math.max(0.01, value));
  return Array.from({ length: scans }, (_, i) => {
    const grades = severities.map((_, grade) => clip(Number(grade === i % 4) + random.normal(0, noise)));
    const sum = grades.reduce((total, q) => total + q, 0);
    return prediction(`scan-${i}`, clip(Number(i % 2 === 0) + random.normal(0, noise)), grades.map((q) => q / sum));
  });
}
const truth: Truth[] = Array.from({ length: 80 }, (_, i) => scanTruth(i % 2 === 0, severities[i % 4], `p${i >> 1}`));

describe("comparePredictions", () => {
  const good = model(1, 0.3), bad = model(2, 1);
  const compared = comparePredictions({ first: good, second: bad, truth, resamples: 300 });

  test("scores of each model are its own; the tests are those of the parts", () => {
    const [a, b] = [good, bad].map((predictions) => scorePredictions(predictions, truth, { resamples: 1 }));
    for (const task of ["presence", "severity"] as const) {
      expect(compared[task]!.macroF1).toMatchObject({
        first: a![task]!.macroF1.value,
        second: b![task]!.macroF1.value,
      });
      expect(compared[task]!.accuracy.difference.value)
        .toBeCloseTo(a![task]!.accuracy.value - b![task]!.accuracy.value, 12);
    }
    expect(compared.presence!.auc!.first).toBe(a!.presence!.auc.value);
    expect(compared.severity!.auc!.second).toBe(b!.severity!.macroAuc!.value);
    const positive = truth.map(({ presence }) => presence!);
    const p = (predictions: Prediction[]) => predictions.map(({ presenceProbability }) => presenceProbability!);
    expect(compared.presence!.delong).toEqual(delongTest(positive, p(good), p(bad)));
    const right = (predictions: Prediction[]) => predictions.map(({ presence }, i) => presence === positive[i]);
    expect(compared.presence!.mcnemar).toEqual(mcnemar(right(good), right(bad)));
    expect(compared.severity!.delong).toBeNull();
  });

  test("a better model is better, with both tasks; against itself nothing differs", () => {
    for (const task of [compared.presence!, compared.severity!]) {
      expect(task.macroF1.difference.low).toBeGreaterThan(0);
      expect(task.macroF1.difference.p).toBeLessThan(0.01);
      expect(task.mcnemar.exactP).toBeLessThan(0.01);
    }
    const same = comparePredictions({ first: good, second: good, truth, resamples: 50 });
    expect(same.presence!.macroF1.difference).toMatchObject({ value: 0, low: 0, high: 0, p: 1 });
    expect(same.presence!.delong).toMatchObject({ difference: 0, p: 1 });
  });

  test("patients are drawn together; the other way round the signs turn", () => {
    const alone = comparePredictions({
      first: good,
      second: bad,
      truth: truth.map(({ presence, severity }) => scanTruth(presence!, severity)),
      resamples: 300,
    });
    expect(alone.presence!.auc!.difference.low).not.toBe(compared.presence!.auc!.difference.low);
    const turned = comparePredictions({ first: bad, second: good, truth, resamples: 300 });
    const { low, high } = turned.presence!.accuracy.difference;
    expect([low, high]).toEqual([
      expect.closeTo(-compared.presence!.accuracy.difference.high, 12),
      expect.closeTo(-compared.presence!.accuracy.difference.low, 12),
    ]);
  });

  test("a task that one model does not answer, and scans without an answer", () => {
    const presenceOnly = good.map(({ key, presenceProbability }) => prediction(key, presenceProbability));
    const result = comparePredictions({ first: presenceOnly, second: bad, truth, resamples: 20 });
    expect(result.severity).toBeNull();
    expect(result.presence!.scans).toBe(80);
    const some = truth.map((one, i): Truth => i < 70 ? one : { severity: "undefined" });
    expect(comparePredictions({ first: good, second: bad, truth: some, resamples: 20 }).presence!.scans).toBe(70);
  });
});

describe("compareModels on tables", () => {
  const write = async (name: string, predictions: readonly Prediction[], answers?: readonly Truth[]) => {
    const file = join(folder, name);
    await Deno.writeTextFile(file, predictionTableCsv(predictions, answers));
    return file;
  };

  test("scans are paired by key, in any order; those of one alone are counted and left out", async () => {
    const first = await write("first.csv", model(1, 0.3), truth);
    const second = await write("second.csv", model(2, 1).slice(10).reverse());
    const result = await compareModels({ first, second, resamples: 50 });
    expect(result).toMatchObject({ scans: 70, unpaired: 10, intervals: { unit: "patient" } });
    const direct = comparePredictions({
      first: model(1, 0.3).slice(10),
      second: model(2, 1).slice(10),
      truth: truth.slice(10),
      resamples: 50,
    });
    expect(result.presence).toEqual(direct.presence);
    expect(comparisonTable(result)).toMatch(
      /70 scans that both predicted; 10 predictions[\s\S]*McNemar[\s\S]*AUC one-vs-rest/,
    );
  });

  test("few scans, and one class alone, are said; enough scans of both are not", async () => {
    const all = await write("all.csv", model(1, 0.3), truth), other = await write("all-b.csv", model(2, 1), truth);
    expect((await compareModels({ first: all, second: other, resamples: 20 })).warnings).toEqual([]);
    const few = await write("few.csv", model(1, 0.3).slice(0, 9), truth);
    const result = await compareModels({ first: few, second: other, resamples: 20 });
    expect(result.warnings).toEqual(
      ["presence", "severity"].map((task) => expect.stringContaining(`${task}: 9 scans`)),
    );
    expect(comparisonTable(result)).toMatch(/warning: presence: 9 scans are too few; .*p-values say nothing/);
    const positives = <T>(list: readonly T[]) => list.filter((_, i) => i % 2 === 0);
    const one = await write("one-class.csv", positives(model(1, 0.3)), positives(truth));
    expect((await compareModels({ first: one, second: other, resamples: 20 })).warnings).toEqual([
      expect.stringContaining("presence: all scans are of one class"),
    ]);
  });

  test("refused: nothing in common, answers that contradict each other, no answers, no model", async () => {
    const first = await write("a.csv", model(1, 0.3), truth);
    const other = await write("b.csv", model(2, 1).map((p) => ({ ...p, key: `x-${p.key}` })), truth);
    const turned = await write("c.csv", model(2, 1), truth.map(({ presence }) => scanTruth(!presence)));
    const blank = await write("d.csv", model(2, 1));
    await expect(compareModels({ first, second: other })).rejects.toMatchObject({ code: "compare.no-common" });
    await expect(compareModels({ first, second: turned })).rejects.toMatchObject({ code: "compare.truth" });
    await expect(compareModels({ first: blank, second: blank })).rejects.toMatchObject({ code: "compare.unlabelled" });
    await expect(compareModels({ first, second: folder })).rejects.toMatchObject({ code: "compare.source" });
    const ensemble = join(folder, "ensemble");
    await Deno.mkdir(ensemble);
    await Deno.writeTextFile(join(ensemble, "ensemble.json"), "{}");
    await expect(compareModels({ first, second: ensemble, split: "test" })).rejects.toThrow(
      /no predictions of split "test".*cov3d ensemble … --split test/,
    );
  });

  test("command line", async () => {
    const first = await write("one.csv", model(1, 0.3), truth), second = await write("two.csv", model(2, 1), truth);
    const { code, stdout, stderr } = await cov3d([
      ...["compare", first, second, "--json", "--resamples", "50", "--figures", join(folder, "figures")],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ scans: 80, presence: { mcnemar: { onlyFirst: expect.any(Number) } } });
    expect(stderr).toContain("comparison.png");
    const help = await cov3d(["compare", "--help"]);
    expect(help.stdout).toMatch(/Examples:[\s\S]*McNemar/);
    const wrong = await cov3d(["compare", first, join(folder, "nothing")]);
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("there is no model here");
  });
});
