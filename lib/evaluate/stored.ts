/** Predictions that are on disk already, and whether they are the ones that would be made now. */
import { fileExists, sha256 } from "../files.ts";
import { stableJson } from "../train/config.ts";
import type { EvaluationRecord } from "./evaluate.ts";
import { type PredictionTable, readPredictions } from "./prediction_table.ts";
import { evaluationFiles, readEvaluation } from "./record.ts";
import type { PredictionSettings } from "./settings.ts";

/** What has to be equal for predictions to be the same: weights, options, and the scans' contents. */
export interface PredictionIdentity extends Omit<PredictionSettings, "weights"> {
  readonly scansSha256: string;
}

export function identityOf(settings: PredictionSettings, scansSha256: string): PredictionIdentity {
  const { weightsSha256, reflection, reflectionRule, monteCarlo, skipUnreadable } = settings;
  return { weightsSha256, reflection, reflectionRule, monteCarlo, skipUnreadable, scansSha256 };
}

/** The evaluation of a split that a folder holds, if it has this identity and its table is as it was written. */
export async function storedEvaluation(
  folder: string,
  split: string,
  identity: PredictionIdentity,
): Promise<{ readonly record: EvaluationRecord; readonly table: PredictionTable } | undefined> {
  const files = evaluationFiles(folder, split);
  const record = await readEvaluation(files.evaluation).catch(() => undefined); // a damaged one is made again
  if (record?.scansSha256 === undefined || !(await fileExists(files.predictions))) return undefined;
  const { weightsSha256, reflection, reflectionRule, monteCarlo, skipUnreadable, scansSha256 } = record;
  const then = { weightsSha256, reflection, reflectionRule, monteCarlo, skipUnreadable, scansSha256 };
  if (stableJson(then) !== stableJson(identity)) return undefined;
  if (await sha256(await Deno.readFile(files.predictions)) !== record.predictionsSha256) return undefined;
  return { record, table: await readPredictions(files.predictions) };
}
