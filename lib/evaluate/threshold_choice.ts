/** The threshold of the presence decision: 0.5, a given one, or the one that was best on the run's validation split. */
import { join } from "node:path";
import { ConfigError, RunError } from "../errors.ts";
import { stableJson } from "../train/config.ts";
import type { Run } from "../train/run.ts";
import type { EvaluationRecord } from "./evaluate.ts";
import type { Prediction } from "./prediction.ts";
import { readEvaluation } from "./record.ts";
import type { PredictionSettings } from "./settings.ts";
import { shellWord } from "../paths.ts";

export type ThresholdOption = number | "auto";

export interface UsedThreshold {
  /** Positive when the probability is at least this. */
  readonly value: number;
  readonly source: "default" | "given" | "validation";
  /** Where it was chosen: largest macro F1 of the threshold curve of these scans. Only with source "validation". */
  readonly chosenOn?: {
    readonly file: string;
    readonly dataset: string;
    readonly split: string;
    readonly scans: number;
    readonly macroF1: number;
  };
}

export interface ThresholdRequest {
  readonly run: Run;
  readonly settings: PredictionSettings;
  /** The split that will be scored. */
  readonly split: string;
  readonly threshold: ThresholdOption | undefined;
}

/**
 * A threshold is never chosen on the split that it is scored on.
 * @throws ConfigError "threshold.range" | "threshold.same-split", RunError "threshold.no-validation" |
 *   "threshold.other-settings"
 */
export async function chooseThreshold({ run, settings, split, threshold }: ThresholdRequest): Promise<UsedThreshold> {
  if (threshold === undefined) return { value: 0.5, source: "default" };
  if (threshold === "auto") return await validationThreshold(run, settings, split);
  if (threshold >= 0 && threshold <= 1) return { value: threshold, source: "given" };
  throw new ConfigError("threshold.range", "the threshold of a probability cannot be this", {
    expected: "a number from 0 to 1",
    found: String(threshold),
  });
}

/** The decision at another threshold than 0.5. */
export function decideAt(predictions: readonly Prediction[], threshold: number): Prediction[] {
  return predictions.map((prediction) => {
    const { presenceProbability: p } = prediction;
    return { ...prediction, presence: p === null ? null : p >= threshold };
  });
}

async function validationThreshold(run: Run, settings: PredictionSettings, scored: string): Promise<UsedThreshold> {
  const { folds } = run.config.data;
  const split = folds === undefined ? "validation" : `fold-${folds.fold}`;
  if (scored === split) {
    throw new ConfigError("threshold.same-split", "a threshold that is chosen on the scored scans flatters them", {
      expected: "another split than the validation split",
      found: scored,
      hint: "Score the test split, or give a number",
    });
  }
  const file = join(run.folder, `evaluation-${split}.json`);
  const record = await readEvaluation(file);
  const best = record?.presence?.bestThresholds?.macroF1;
  if (record === undefined || !best) {
    throw new RunError("threshold.no-validation", "the run's validation split has not been scored yet", {
      file,
      expected: "scores of presence with their threshold curve",
      hint: `Score it first: cov3d evaluate --run ${shellWord(run.folder)} --split ${split}`,
    });
  }
  requireSameSettings(file, record, settings);
  const { dataset, presence } = record;
  return {
    value: best.threshold,
    source: "validation",
    chosenOn: { file, dataset, split, scans: presence!.scans, macroF1: best.macroF1 },
  };
}

function requireSameSettings(file: string, record: EvaluationRecord, settings: PredictionSettings): void {
  for (const name of ["weightsSha256", "reflection", "reflectionRule", "monteCarlo"] as const) {
    const before = stableJson(record[name] ?? null), now = stableJson(settings[name]);
    if (before === now) continue;
    throw new RunError("threshold.other-settings", `the validation split was scored with another ${name}`, {
      file,
      expected: now,
      found: before,
      hint: "Score the validation split again with the same options",
    });
  }
}
