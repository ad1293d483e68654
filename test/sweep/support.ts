/** Sweep folders with predictions that a test chooses: what collection reads, without the training that makes it. */
import { join } from "node:path";
import { predictionRow, predictionsCsv } from "../../lib/evaluate/prediction.ts";
import { fileEntry, writeRunRecord } from "../../lib/sweep/run_record.ts";
import { json, type SweepRecord } from "../../lib/sweep/sweep_record.ts";

/** "+-+": truth or prediction of presence, a character a scan. */
export interface ChosenRun {
  readonly row: string;
  readonly seed: number;
  readonly fold?: number;
  readonly truth: string;
  /** undefined: the run is missing. */
  readonly predicted?: string;
  /** First scan's number. */
  readonly from?: number;
  readonly patients?: readonly string[];
}

export interface ChosenSweep {
  readonly out: string;
  readonly runs: readonly ChosenRun[];
  readonly record?: Partial<SweepRecord>;
  readonly published?: Readonly<Record<string, number>>;
}

const evaluate = { split: "test", reflection: true, resamples: 500 };

/** Rows in the order of their first run; compared with the first. */
export async function writeChosenSweep({ out, runs, record = {}, published }: ChosenSweep): Promise<SweepRecord> {
  const labels = [...new Set(runs.map(({ row }) => row))], seeds = [...new Set(runs.map(({ seed }) => seed))];
  const folds = [...new Set(runs.flatMap(({ fold }) => fold ?? []))];
  const entry = ({ row, seed, fold = null }: ChosenRun | { row: string; seed: number; fold?: null }) => ({
    seed,
    fold,
    hash: "0123456789",
    folder: `${row}-seed${seed}${fold === null ? "" : `-fold${fold}`}-0123456789`,
  });
  const sweep: SweepRecord = {
    format: 1,
    name: "chosen",
    description: "",
    compareWith: labels[0]!,
    seeds,
    folds: folds.length === 0 ? null : { numbers: folds, grouping: "scan-level" },
    evaluate,
    factors: [{ name: "row", values: labels.map((label) => ({ label, rows: [label] })) }],
    published: published !== undefined,
    rows: labels.map((label) => ({
      label,
      factors: {},
      changes: {},
      published: { presence: published?.[label] ?? null, severity: null },
      runs: runs.filter(({ row }) => row === label).map(entry),
    })),
    ...record,
  };
  await Deno.mkdir(out, { recursive: true });
  await Deno.writeTextFile(join(out, "sweep.json"), json(sweep));
  for (const run of runs) if (run.predicted !== undefined) await writeRun(join(out, "runs", entry(run).folder), run);
  return sweep;
}

async function writeRun(folder: string, { truth, predicted, from = 0, patients }: ChosenRun): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const rows = [...truth].map((label, i) => {
    const scan = `ct_scan_${String(from + i).padStart(3, "0")}`, presence = predicted![i] === "+";
    const prediction = {
      key: `test/${scan}`,
      scan,
      folder: `/scans/${scan}`,
      presenceProbability: presence ? 0.75 : 0.25,
      presence,
      severityProbabilities: null,
      severity: null,
      slices: 4,
      skippedSlices: [],
    };
    const patient = patients?.[i];
    return predictionRow(prediction, {
      presence: label === "+",
      severity: "undefined",
      ...(patient === undefined ? {} : { patient }),
    });
  });
  const files = { predictions: join(folder, "predictions-test.csv"), evaluation: join(folder, "evaluation-test.json") };
  await Deno.writeTextFile(files.predictions, predictionsCsv(rows));
  await Deno.writeTextFile(files.evaluation, "{}\n");
  await writeRunRecord(folder, {
    format: 1,
    hash: "0123456789",
    engine: "wasm",
    epochs: 1,
    steps: 1,
    seconds: 1,
    best: { presence: { epoch: 0, score: 0.5 }, severity: null },
    evaluate,
    predictions: await fileEntry(files.predictions),
    evaluation: await fileEntry(files.evaluation),
  });
}
