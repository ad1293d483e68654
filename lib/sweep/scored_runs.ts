/** What the runs of one row say about each scan: the predictions of all folds of a seed together. */
import { join } from "node:path";
import Papa from "papaparse";
import { severities } from "../data/types.ts";
import { RunError } from "../errors.ts";
import type { RunRecord } from "./run_record.ts";

export const sweepTasks = ["presence", "severity"] as const;
export type SweepTask = typeof sweepTasks[number];

/** True and predicted class of a scan: 0/1, or 0…3 for mild…critical. */
export interface Answer {
  readonly truth: number;
  readonly predicted: number;
}

export interface ScoredScan {
  readonly key: string;
  /** Absent where patients are not known. */
  readonly patient?: string;
  /** Absent where the task was not trained or the scan has no label for it. */
  readonly answers: Readonly<Partial<Record<SweepTask, Answer>>>;
}

type Row = Readonly<Record<string, string | undefined>>;

/** In the order of keys. @throws RunError "sweep.predictions" */
export async function readScoredScans(folder: string, { predictions }: RunRecord): Promise<ScoredScan[]> {
  const file = join(folder, predictions.name);
  const { data } = Papa.parse<Row>(await Deno.readTextFile(file), { header: true, skipEmptyLines: true });
  return data.map((row): ScoredScan => {
    const { key = "", patient = "" } = row;
    const presence = answer(
      classOf(row.true_presence, presenceTexts, file),
      classOf(row.presence, presenceTexts, file),
    );
    const severity = answer(classOf(row.true_severity, severities, file), classOf(row.severity, severities, file));
    return {
      key,
      ...(patient === "" ? {} : { patient }),
      answers: { ...(presence && { presence }), ...(severity && { severity }) },
    };
  }).sort((a, b) => (a.key < b.key ? -1 : 1));
}

const presenceTexts = ["false", "true"] as const;

function answer(truth: number | undefined, predicted: number | undefined): Answer | undefined {
  return truth === undefined || predicted === undefined ? undefined : { truth, predicted };
}

function classOf(text: string | undefined, classes: readonly string[], file: string): number | undefined {
  if (text === undefined || text === "") return undefined;
  const index = classes.indexOf(text);
  if (index >= 0) return index;
  throw new RunError("sweep.predictions", "not a class", { file, expected: classes.join(", "), found: text });
}

/** Answers to one task on one list of scans, by one trained configuration and seed. */
export type Answers = readonly Answer[];

/**
 * Macro F1 of the scans at `indices`: what `classificationScores` says, without its lists, for the many draws of a
 * bootstrap.
 */
export function macroF1(answers: Answers, indices?: readonly number[]): number {
  const hits = [0, 0, 0, 0], members = [0, 0, 0, 0]; // members: true ones and claimed ones
  const count = ({ truth, predicted }: Answer) => {
    members[truth]!++;
    members[predicted]!++;
    if (truth === predicted) hits[truth]!++;
  };
  if (indices === undefined) answers.forEach(count);
  else for (const i of indices) count(answers[i]!);
  const f1 = hits.flatMap((hit, label) => members[label] === 0 ? [] : 2 * hit / members[label]!);
  return f1.reduce((sum, value) => sum + value, 0) / f1.length;
}

/** Several seeds on the same scans. */
export interface AlignedSeeds {
  readonly keys: readonly string[];
  /** Patient of each scan where it is known. */
  readonly patients: readonly (string | undefined)[];
  /** By seed, each as long as `keys`. */
  readonly seeds: readonly Answers[];
}

/** The scans that every seed has an answer for; undefined where there are none. */
export function alignSeeds(task: SweepTask, seeds: readonly (readonly ScoredScan[])[]): AlignedSeeds | undefined {
  const [first, ...others] = seeds.map((scans) => new Map(scans.map((scan) => [scan.key, scan])));
  if (first === undefined) return undefined;
  const keys = [...first.keys()].filter((key) =>
    [first, ...others].every((scans) => scans.get(key)?.answers[task] !== undefined)
  );
  if (keys.length === 0) return undefined;
  return {
    keys,
    patients: keys.map((key) => first.get(key)!.patient),
    seeds: [first, ...others].map((scans) => keys.map((key) => scans.get(key)!.answers[task]!)),
  };
}
