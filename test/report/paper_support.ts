/** A repository with records that a test chooses, and the paper's own text. */
import { join } from "node:path";
import { severities } from "../../lib/data/types.ts";
import { predictionRow, predictionsCsv } from "../../lib/evaluate/prediction.ts";
import { scorePresence, scoreSeverity } from "../../lib/evaluate/scores.ts";
import { repository } from "../../lib/report/paper/inputs.ts";
import { fileEntry, writeRunRecord } from "../../lib/sweep/run_record.ts";
import { json, type SweepRecord } from "../../lib/sweep/sweep_record.ts";
import { presetConfig } from "../../lib/train/presets.ts";

/** Rows of data/plans/phantom.yaml that the text names, and one more. */
const rows = ["base", "λ=0.1", "λ=0.9", "superset rule=code2022", "pooling=max"];
const demoRuns = [
  { engine: "wasm", seed: 1, shuffled: false },
  { engine: "wasm", seed: 2, shuffled: false },
  { engine: "tensorflow", seed: 1, shuffled: false },
  { engine: "tensorflow", seed: 1, shuffled: true },
] as const;
const evaluate = { split: "test", reflection: true, resamples: 50 };

/** Copies paper/ (without generated/) and the records in figures/, and makes small data/runs. */
export async function makePaperRoot(root: string): Promise<void> {
  const from = repository();
  const records = ["figures/sars", "figures/saliency", "figures/saliency/lesions", "figures/benchmarks"];
  for (const place of ["paper", "paper/sections", ...records]) {
    await Deno.mkdir(join(root, place), { recursive: true });
    for await (const { name, isFile } of Deno.readDir(join(from, place))) {
      if (isFile && !/\.(?:png|pdf)$/.test(name)) await Deno.copyFile(join(from, place, name), join(root, place, name));
    }
  }
  await Deno.mkdir(join(root, "test/fixtures"), { recursive: true });
  await Deno.copyFile(join(from, "test/fixtures/oracles.json"), join(root, "test/fixtures/oracles.json"));
  for (const run of demoRuns) await writeDemoRun(root, run);
  await writeSweep(join(root, "data/runs/phantom-ablation"));
}

export function demoFolder(root: string, { engine, seed, shuffled }: typeof demoRuns[number]): string {
  return join(root, "data/runs/demo", `${engine}-seed${seed}${shuffled ? "-shuffled" : ""}`);
}

/** Scans with alternating truth; every `wrong`-th answer is wrong. */
function answers(wrong: number) {
  return Array.from({ length: 24 }, (_, i) => {
    const truth = i % 2, grade = Math.floor(i / 2) % 4, miss = i % wrong === 0;
    return { truth, predicted: miss ? 1 - truth : truth, grade, guess: miss ? (grade + 1) % 4 : grade };
  });
}

async function writeDemoRun(root: string, run: typeof demoRuns[number]): Promise<void> {
  const folder = demoFolder(root, run);
  await Deno.mkdir(folder, { recursive: true });
  const data = { directory: "phantom", shuffleLabels: run.shuffled };
  const config = presetConfig("tiny", { name: "demo", seed: run.seed, engine: run.engine, epochs: 2, data });
  const scans = answers(run.shuffled ? 2 : 6 + run.seed), options = { resamples: 50 };
  const positives = scans.filter(({ truth }) => truth === 1);
  const record = {
    run: "run",
    dataset: "phantom",
    split: "test",
    weights: { presence: "best-presence", severity: "best-severity" },
    reflection: true,
    engine: { engine: run.engine },
    scans: scans.length,
    presence: scorePresence(
      scans.map(({ truth, predicted }, i) => ({
        truth,
        predicted,
        probability: predicted === 1 ? 0.6 + i / 100 : 0.2,
      })),
      options,
    ),
    severity: scoreSeverity(positives.map(({ grade, guess }) => ({ truth: grade, predicted: guess })), options),
    intervals: { method: "percentile bootstrap", unit: "scan", stratified: true },
    failed: [],
  };
  const epoch = (at: number) => ({
    ...{ kind: "epoch", epoch: at, step: at + 1, trainLoss: 1 / (at + 1), validationLoss: 1, severity: null },
    presence: {
      macroF1: 0.5 + at / 4,
      accuracy: 0.5,
      labels: [0, 1],
      perClassF1: [0.5, 0.5],
      confusion: [[1, 1], [1, 1]],
    },
  });
  const step = (at: number) => ({ kind: "step", epoch: at, step: at + 1, loss: 1, learningRate: 1e-3 * (at + 1) });
  const lines = [step(0), epoch(0), step(1), epoch(1)].map((line) => JSON.stringify(line) + "\n").join("");
  await Deno.writeTextFile(join(folder, "config.json"), json(config));
  await Deno.writeTextFile(join(folder, "metrics.jsonl"), lines);
  await Deno.writeTextFile(join(folder, "evaluation-test.json"), json(record));
}

async function writeSweep(out: string): Promise<void> {
  const seeds = [1, 2, 3];
  const entry = (row: string, seed: number) => {
    const folder = `row${rows.indexOf(row)}-seed${seed}-0123456789`;
    return { seed, fold: null, hash: "0123456789", folder };
  };
  const record: SweepRecord = {
    format: 1,
    name: "phantom-ablation",
    description: "",
    compareWith: "base",
    seeds,
    folds: null,
    evaluate,
    factors: [],
    published: false,
    rows: rows.map((label) => ({
      label,
      factors: {},
      changes: {},
      published: { presence: null, severity: null },
      runs: seeds.map((seed) => entry(label, seed)),
    })),
  };
  await Deno.mkdir(out, { recursive: true });
  await Deno.writeTextFile(join(out, "sweep.json"), json(record));
  for (const [i, label] of rows.entries()) {
    for (const seed of seeds) await writeSweepRun(join(out, "runs", entry(label, seed).folder), 4 + i + seed);
  }
}

/** A finished run of the sweep; every `wrong`-th answer is wrong. */
export async function writeSweepRun(folder: string, wrong: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const csv = predictionsCsv(
    answers(wrong).map(({ truth, predicted, grade, guess }, i) =>
      predictionRow({
        key: `test/ct_scan_${String(i).padStart(3, "0")}`,
        scan: `ct_scan_${i}`,
        folder: "",
        presenceProbability: predicted === 1 ? 0.75 : 0.25,
        presence: predicted === 1,
        severityProbabilities: null,
        severity: severities[guess]!,
        slices: 4,
        skippedSlices: [],
      }, { presence: truth === 1, severity: truth === 1 ? severities[grade]! : "undefined" })
    ),
  );
  const files = { predictions: join(folder, "predictions-test.csv"), evaluation: join(folder, "evaluation-test.json") };
  await Deno.writeTextFile(files.predictions, csv);
  await Deno.writeTextFile(files.evaluation, "{}\n");
  await Deno.writeTextFile(join(folder, "config.json"), json(presetConfig("tiny", { data: { directory: "phantom" } })));
  await writeRunRecord(folder, {
    format: 1,
    hash: "0123456789",
    engine: "wasm",
    epochs: 12,
    steps: 1,
    seconds: 60,
    best: { presence: { epoch: 0, score: 0.5 }, severity: null },
    evaluate,
    predictions: await fileEntry(files.predictions),
    evaluation: await fileEntry(files.evaluation),
  });
}
