/**
 * Published numbers as data (data/published of this repository): what the papers print, with the source of every row.
 * The files are found relative to this module, so the readers work from any folder and from notebooks.
 */
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { z } from "zod";
import { DataError } from "../errors.ts";
import type { VolumeSize } from "./types.ts";

/** One row of the Cov3d paper's Table 3: a training run and its best validation scores. */
export interface PublishedExperiment {
  /** Row of the table, 1 … 28; the order is by task-1 F1. */
  readonly id: number;
  readonly size: VolumeSize;
  /** Sagittal reflection at random in training. */
  readonly reflection: boolean;
  /** λ of equation (6). */
  readonly severityFactor: number;
  readonly epochs: number;
  /** ε1 and ε2, label smoothing of tasks 1 and 2. */
  readonly presenceSmoothing: number;
  readonly severitySmoothing: number;
  /** Macro F1 on the validation scans, as printed (3 or 4 decimals); null where the table has "–". */
  readonly presenceF1: number | null;
  readonly severityF1: number | null;
  /** 1 … 4: the models that were submitted for the test set, and averaged there; null for the others. */
  readonly presenceSubmission: number | null;
  readonly severitySubmission: number | null;
  readonly source: string;
}

/** A score that somebody else reported. */
export interface PublishedScore {
  readonly method: string;
  readonly year: number;
  readonly task: "presence" | "severity";
  readonly split: "validation" | "test";
  readonly metric: string;
  /** In [0, 1]. */
  readonly value: number;
  /** As its source prints it, e.g. "90.43" (percent) or "0.70". */
  readonly printed: string;
  /** Place in that year's challenge, where it is known. */
  readonly place: number | null;
  readonly note: string;
  readonly source: string;
}

/** The scores of the published paper on the challenge's test set. */
export interface PublishedTestScore {
  readonly task: "presence" | "severity";
  readonly metric: string;
  /** In [0, 1]. */
  readonly value: number;
  /** In percent, as printed. */
  readonly printed: string;
  /** Test scans of the task. */
  readonly scans: number;
  readonly place: number;
  readonly source: string;
}

const number = z.string().regex(/^\d+(\.\d+)?$/, "not a number").transform(Number);
const optional = z.union([z.literal("").transform(() => null), number]);
const task = z.enum(["presence", "severity"]);
const text = z.string().min(1);

const experimentRow = z.strictObject({
  id: number,
  depth: number,
  height: number,
  width: number,
  reflection: z.enum(["yes", "no"]),
  lambda: number,
  epochs: number,
  presence_smoothing: number,
  severity_smoothing: number,
  presence_f1: optional,
  severity_f1: optional,
  presence_submission: optional,
  severity_submission: optional,
  source: text,
});

const scoreRow = z.strictObject({
  method: text,
  year: number,
  task,
  split: z.enum(["validation", "test"]),
  metric: text,
  value: number,
  printed: text,
  place: optional,
  note: z.string(),
  source: text,
});

const testRow = z.strictObject({
  task,
  metric: text,
  value: number,
  printed: text,
  scans: number,
  place: number,
  source: text,
});

/**
 * Table 3 of the Cov3d paper, 28 rows in its order. The printed table lost three column heads; which columns are λ, ε1
 * and ε2 is inferred (data/README.md says how).
 * @throws DataError "published.unreadable"
 */
export function publishedTable3(): PublishedExperiment[] {
  return readPublished("table3.csv", experimentRow).map((row) => ({
    id: row.id,
    size: { depth: row.depth, height: row.height, width: row.width },
    reflection: row.reflection === "yes",
    severityFactor: row.lambda,
    epochs: row.epochs,
    presenceSmoothing: row.presence_smoothing,
    severitySmoothing: row.severity_smoothing,
    presenceF1: row.presence_f1,
    severityF1: row.severity_f1,
    presenceSubmission: row.presence_submission,
    severitySubmission: row.severity_submission,
    source: row.source,
  }));
}

/** Macro F1 of other methods on COV19-CT-DB: the organisers' baselines and challenge winners. */
export function publishedBaselines(): PublishedScore[] {
  return readPublished("baselines.csv", scoreRow);
}

/** Macro F1 of the Cov3d paper's submission on the test set of 2022. */
export function publishedTestScores(): PublishedTestScore[] {
  return readPublished("test_set.csv", testRow);
}

/**
 * The rows of a file of data/published, each checked against `row`.
 * @throws DataError "published.unreadable"
 */
export function readPublished<Row>(name: string, row: z.ZodType<Row>): Row[] {
  const file = fileURLToPath(new URL(`../../data/published/${name}`, import.meta.url));
  const unreadable = (found: string, cause?: unknown) =>
    new DataError("published.unreadable", "a published table cannot be read", { file, found, cause });
  let content: string;
  try {
    content = Deno.readTextFileSync(file);
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
  const { data, errors } = Papa.parse<Record<string, string>>(content.trim(), { header: true });
  if (errors[0] !== undefined) throw unreadable(`line ${(errors[0].row ?? 0) + 2}: ${errors[0].message}`);
  return data.map((record, index) => {
    const parsed = row.safeParse(record);
    if (parsed.success) return parsed.data;
    const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
    throw unreadable(`line ${index + 2}, column "${path.join(".")}": ${message}`);
  });
}
