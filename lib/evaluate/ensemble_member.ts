/** One member of an ensemble: a trained run, or a table of predictions; found on disk or predicted now. */
import { basename, join } from "node:path";
import type { Scan, Split } from "../data/types.ts";
import { recipeFor } from "../data/size.ts";
import { RunError } from "../errors.ts";
import { makeFolder, sha256, writeFileAtomic } from "../files.ts";
import { stableJson } from "../train/config.ts";
import { trainedTasks } from "../train/metrics.ts";
import { readRun, type Run } from "../train/run.ts";
import { type FailedScan, predict, type PredictOptions } from "./predict.ts";
import type { Prediction, Truth } from "./prediction.ts";
import { readPredictions } from "./prediction_table.ts";
import { predictionTableCsv } from "./record.ts";
import { scanSetSha256 } from "./scan_set.ts";
import { type PredictionSettings, predictionSettings } from "./settings.ts";
import { identityOf, storedEvaluation } from "./stored.ts";

export type MemberOptions = Omit<PredictOptions, "run" | "paths" | "scans">;

/** What the ensemble's records say about a member. */
export interface MemberRecord {
  /** Run folder or table of predictions. */
  readonly source: string;
  readonly kind: "run" | "predictions";
  /** Of a run's weights files by task, or of the table. */
  readonly sha256: PredictionSettings["weightsSha256"] | string;
  readonly settings?: PredictionSettings;
  /** Where its predictions came from. */
  readonly origin: "predicted" | "ensemble folder" | "run folder" | "table";
}

export interface Member {
  readonly record: MemberRecord;
  /** Has probabilities of this task. */
  readonly trained: { readonly presence: boolean; readonly severity: boolean };
  readonly predictions: readonly Prediction[];
  /** A table's own; undefined for a run, whose truth is the dataset's. */
  readonly truth?: readonly Truth[];
  readonly failed: readonly FailedScan[];
}

export function isTable(source: string): boolean {
  return /\.csv$/i.test(source);
}

/** A table of predictions as it is. */
export async function tableMember(source: string): Promise<Member> {
  const { predictions, truth, sha256 } = await readPredictions(source);
  return {
    record: { source, kind: "predictions", sha256, origin: "table" },
    trained: {
      presence: predictions.some(({ presenceProbability }) => presenceProbability !== null),
      severity: predictions.some(({ severityProbabilities }) => severityProbabilities !== null),
    },
    predictions,
    truth,
    failed: [],
  };
}

export interface RunMemberOptions extends MemberOptions {
  readonly source: string;
  readonly scans: readonly Scan[];
  readonly split: Split;
  /** The ensemble's folder: predictions are kept in `members/`. */
  readonly out: string;
}

/**
 * A run's predictions: those in the ensemble's folder or in the run's own, where they belong to the same weights,
 * options and scans; else made now and kept in the ensemble's folder.
 * @throws what `predict` throws; RunError "ensemble.stopped"
 */
export async function runMember({ source, scans, split, out, ...options }: RunMemberOptions): Promise<Member> {
  const run = await readRun(source);
  const cache = options.cache ?? run.config.data.cache ?? true;
  const predictOptions: PredictOptions = { ...options, cache, run: source, scans };
  const settings = await predictionSettings(run, predictOptions);
  const scansSha256 = await scanSetSha256(scans, { cache, skipUnreadable: settings.skipUnreadable });
  const identity = {
    ...identityOf(settings, scansSha256),
    recipe: recipeFor(run.config.data),
    network: run.config.model,
  };
  const folder = join(out, "members", `${basename(run.folder)}-${(await sha256(stableJson(identity))).slice(0, 10)}`);
  const member = (
    origin: MemberRecord["origin"],
    predictions: readonly Prediction[],
    failed: readonly FailedScan[] = [],
  ) => ({
    record: { source: run.folder, kind: "run", sha256: settings.weightsSha256, settings, origin } as const,
    trained: answered(run, predictions),
    predictions,
    failed,
  });
  const kept = await keptMember(folder);
  if (kept !== undefined) return member("ensemble folder", kept.predictions, kept.failed);
  const stored = await storedEvaluation(run.folder, split, identityOf(settings, scansSha256));
  if (stored !== undefined) return member("run folder", stored.table.predictions, stored.record.failed);
  const { predictions, failed, finished, engine } = await predict(predictOptions);
  if (!finished) throw stopped(run);
  await keepMember(folder, { source: run.folder, split, identity, settings, engine, failed }, predictions);
  return member("predicted", predictions, failed);
}

/** The regression head answers severity without probabilities: there is nothing to average. */
function answered({ config }: Run, predictions: readonly Prediction[]): Member["trained"] {
  const { presence, severity } = trainedTasks(config.loss.severityFactor);
  return {
    presence,
    severity: severity && predictions.every(({ severityProbabilities }) => severityProbabilities !== null),
  };
}

const files = { table: "predictions.csv", record: "member.json" } as const;

/** The record is written last: it makes the table valid. */
async function keepMember(folder: string, record: object, predictions: readonly Prediction[]): Promise<void> {
  await makeFolder(folder);
  const csv = predictionTableCsv(predictions);
  await writeFileAtomic(join(folder, files.table), csv);
  const complete = { ...record, predictionsSha256: await sha256(csv) };
  await writeFileAtomic(join(folder, files.record), JSON.stringify(complete, null, 2) + "\n");
}

/** The folder's name says what the predictions belong to; the record's hash says that they are whole. */
async function keptMember(folder: string) {
  try {
    const record = JSON.parse(await Deno.readTextFile(join(folder, files.record))) as {
      readonly predictionsSha256: string;
      readonly failed: readonly FailedScan[];
    };
    const table = await readPredictions(join(folder, files.table));
    return table.sha256 === record.predictionsSha256 ? { ...table, failed: record.failed } : undefined;
  } catch {
    return undefined; // not there, or damaged: predicted again
  }
}

function stopped(run: Run): RunError {
  return new RunError("ensemble.stopped", "the ensemble was stopped before this member was predicted", {
    file: run.folder,
    hint: "Run it again: members that are finished are kept",
  });
}
