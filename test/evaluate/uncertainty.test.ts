/** Monte-Carlo dropout: the statistics against SciPy, and a real (hardly trained) network on every engine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import Papa from "papaparse";
import type { EngineName } from "../../lib/engine/types.ts";
import { sigmoid } from "../../lib/evaluate/decode.ts";
import { combineSamples, spreadOf } from "../../lib/evaluate/uncertainty.ts";
import { predict } from "../../lib/evaluate/predict.ts";
import { train } from "../../lib/train/train.ts";
import { cov3d } from "../support/command_line.ts";
import { eachEngine } from "../support/engines.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";
import { goldens } from "./support/goldens.ts";

const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));

describe("statistics of samples", () => {
  test.each(goldens.uncertainty.map((golden, i) => [i, golden] as const))("SciPy's entropies, case %d", (_, golden) => {
    const { mean, spread } = spreadOf(golden.probabilities);
    expect(mean).toEqual(close(golden.mean));
    expect(spread.standardDeviation).toEqual(close(golden.sd));
    expect(spread.votes).toEqual(close(golden.votes));
    expect(spread.entropy).toBeCloseTo(golden.entropy, 12);
    expect(spread.mutualInformation).toBeCloseTo(golden.mutual_information, 12);
  });

  test("one answer of many: means, votes of both tasks, no information in equal samples", () => {
    const sample = (p: number, severityProbabilities: number[] | null) => ({
      presenceProbability: p,
      presence: p >= 0.5,
      severityProbabilities,
      severity: severityProbabilities && 0,
    });
    const { answer, uncertainty } = combineSamples([
      sample(0.5, [0.7, 0.1, 0.1, 0.1]),
      sample(0.2, [0.1, 0.6, 0.2, 0.1]),
    ]);
    expect(answer).toMatchObject({ presenceProbability: 0.35, presence: false, severity: 0 });
    expect(answer.severityProbabilities).toEqual(close([0.4, 0.35, 0.15, 0.1]));
    expect(uncertainty.presence.votes).toEqual([0.5, 0.5]); // p = 0.5 is a vote for positive
    expect(uncertainty.presence.standardDeviation).toEqual(close([0.15, 0.15]));
    expect(uncertainty.severity?.votes).toEqual([0.5, 0.5, 0, 0]);
    const same = combineSamples([sample(0.9, null), sample(0.9, null)]);
    expect(same.uncertainty).toMatchObject({
      samples: 2,
      presence: { mutualInformation: 0, votes: [0, 1] },
      severity: null,
    });
    expect(same.answer.severity).toBeNull();
    expect(() => spreadOf([])).toThrow(RangeError);
  });

  test("a head without probabilities answers by vote", () => {
    const sample = (severity: number) => ({
      presenceProbability: 0.6,
      presence: true,
      severityProbabilities: null,
      severity,
    });
    expect(combineSamples([sample(2), sample(1), sample(2)]).answer.severity).toBe(2);
  });

  test("mean of probabilities, not of logits", () => {
    const samples = [3, -0.6, -0.7, -0.8].map((z) => {
      const p = sigmoid(z);
      return { presenceProbability: p, presence: p >= 0.5, severityProbabilities: null, severity: null };
    });
    expect(combineSamples(samples).answer.presence).toBe(false);
  });
});

const folder = await Deno.makeTempDir({ prefix: "cov3d-monte-carlo-" });
const directory = join(folder, "data");
const runs = new Map<string, Promise<string>>();

function trained(engine: EngineName, dropout = 0.4): Promise<string> {
  const out = join(folder, `run-${engine}-${dropout}`);
  const data = { directory, size: { depth: 4, height: 16, width: 16 }, cache: join(folder, "cache") };
  const model = { model: "tiny" as const, widths: [2, 2, 4, 4], dropout, penultimate: 4 };
  const made = runs.get(out) ?? train({ config: { engine, epochs: 1, seed: 3, data, model }, out }).then(() => out);
  runs.set(out, made);
  return made;
}

beforeAll(() => writeTinyDataset({ directory, train: 4, validation: 3 }));
afterAll(() => Deno.remove(folder, { recursive: true }));

const paths = (group: string) => [join(directory, "validation", group)];

eachEngine("Monte-Carlo dropout", (engine) => {
  test("deterministic for a seed whatever the order of the scans; without reflection; spread and mean belong together", async () => {
    const run = await trained(engine);
    const first = await predict({ run, paths: paths("covid"), engine, mcSamples: 5 });
    expect(first).toMatchObject({ reflection: false, monteCarlo: { samples: 5, seed: 3 } });
    const reversed = (await predict({
      run,
      paths: ["ct_scan_3", "ct_scan_1", "ct_scan_2"].map((name) => join(paths("covid")[0]!, name)),
      engine,
      mcSamples: 5,
    })).predictions;
    for (const prediction of first.predictions) {
      expect(reversed.find(({ scan }) => scan === prediction.scan)).toEqual(prediction);
      const { presence, severity } = prediction.uncertainty!;
      expect(presence!.standardDeviation[1]).toBeGreaterThan(0);
      expect(presence!.mutualInformation).toBeGreaterThan(0);
      expect(presence!.mutualInformation).toBeLessThan(presence!.entropy);
      expect(severity!.votes.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
      expect(prediction.severityProbabilities!.reduce((sum, q) => sum + q, 0)).toBeCloseTo(1, 9);
    }
    const other = await predict({ run, paths: paths("covid"), engine, mcSamples: 5, mcSeed: 4 });
    expect(other.predictions[0]!.presenceProbability).not.toBe(first.predictions[0]!.presenceProbability);
  });

  test("more samples add to the first ones", async () => {
    const run = await trained(engine);
    const [one, two] = await Promise.all(
      [1, 2].map(async (mcSamples) =>
        (await predict({ run, paths: paths("covid"), engine, mcSamples })).predictions[0]!
      ),
    );
    const { standardDeviation } = two!.uncertainty!.presence!;
    // With two samples the deviation is half of their difference.
    const second = 2 * two!.presenceProbability! - one!.presenceProbability!;
    expect(standardDeviation[1]).toBeCloseTo(Math.abs(second - one!.presenceProbability!) / 2, 9);
  });
});

test("refused: no dropout, no whole number", async () => {
  const still = await trained("wasm", 0), run = await trained("wasm");
  await expect(predict({ run: still, paths: paths("covid"), mcSamples: 4 })).rejects.toMatchObject({
    name: "ConfigError",
    code: "mc.no-dropout",
    file: still,
  });
  await expect(predict({ run, paths: paths("covid"), mcSamples: 0 })).rejects.toMatchObject({ code: "mc.samples" });
  await expect(predict({ run, paths: paths("covid"), mcSamples: 2.5 })).rejects.toMatchObject({ code: "mc.samples" });
});

test("command line: columns of votes and spread", async () => {
  const run = await trained("wasm"), csv = join(folder, "mc.csv");
  const args = ["predict", "--run", run, "--engine", "wasm", "--mc-samples", "3", "--csv", csv, ...paths("covid")];
  const { code, stdout } = await cov3d(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/±/);
  const { data, meta } = Papa.parse<Record<string, string>>(await Deno.readTextFile(csv), {
    header: true,
    skipEmptyLines: true,
  });
  expect(meta.fields).toEqual(expect.arrayContaining(["mc_samples_positive", "mild_samples", "presence_entropy"]));
  expect(data.map((row) => row.mc_samples_total)).toEqual(["3", "3", "3"]);
  expect(["0", "0.3333333333333333", "0.6666666666666666", "1"]).toContain(data[0]!.mc_samples_positive);
});
