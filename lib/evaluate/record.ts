/** The files of an evaluation: `predictions-<split>.csv` and `evaluation-<split>.json`. */
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { sha256, writeFileAtomic } from "../files.ts";
import type { EvaluationRecord } from "./evaluate.ts";
import { type Prediction, predictionRow, predictionsCsv, type Truth, truthOf } from "./prediction.ts";

export interface EvaluationFiles {
  readonly predictions: string;
  readonly evaluation: string;
}

/** Where the evaluation of a split is kept in a folder. */
export function evaluationFiles(folder: string, split: string): EvaluationFiles {
  const name = split.replaceAll(/[^\w.-]+/g, "-");
  return {
    predictions: join(folder, `predictions-${name}.csv`),
    evaluation: join(folder, `evaluation-${name}.json`),
  };
}

/** The rows as they are written; truth columns where the truth is known. */
export function predictionTableCsv(predictions: readonly Prediction[], truth?: readonly Truth[]): string {
  const rows = predictions.map((prediction, i) =>
    predictionRow(prediction, truth === undefined ? undefined : truthOf(truth[i]!))
  );
  return predictionsCsv(rows);
}

/** Writes both files; the record then holds the hash of the predictions that it scores. */
export async function writeEvaluation<Record extends object>(
  files: EvaluationFiles,
  record: Record,
  predictions: readonly Prediction[],
  truth: readonly Truth[],
): Promise<Record & { readonly predictionsSha256: string }> {
  const csv = predictionTableCsv(predictions, truth);
  const complete = { ...record, predictionsSha256: await sha256(csv) };
  await writeFileAtomic(files.predictions, csv);
  await writeFileAtomic(files.evaluation, JSON.stringify(complete, null, 2) + "\n");
  return complete;
}

/**
 * An evaluation that was written before; undefined where there is none. Numbers that were NaN or infinite are null in
 * the file; fields that a former version did not write are missing.
 * @throws DataError "evaluation.unreadable"
 */
export async function readEvaluation(file: string): Promise<EvaluationRecord | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const record = JSON.parse(text) as EvaluationRecord | null;
    if (typeof record?.split === "string" && "presence" in record && "severity" in record) return record;
  } catch {
    // as any other document
  }
  throw new DataError("evaluation.unreadable", "this is not an evaluation", {
    file,
    expected: "JSON that `cov3d evaluate` wrote",
  });
}
