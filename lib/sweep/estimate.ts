/** What a sweep will cost, before it is run: steps, arithmetic and memory; hours only where they were measured. */
import { estimateTrainingMemory } from "../train/memory.ts";
import { trainingMultiplyAccumulates } from "../nn/cost.ts";
import { planNetwork } from "../nn/plan.ts";
import type { TrainConfig } from "../train/config.ts";
import type { PlannedRun } from "./planned_runs.ts";
import type { RunRecord } from "./run_record.ts";
import type { SweepData } from "./sweep_data.ts";

export interface RunEstimate {
  /** Optimizer steps. */
  readonly steps: number;
  /** Multiply-accumulates of its training passes. */
  readonly multiplyAccumulates: number;
  readonly memoryBytes: number;
}

/** Scans that are trained on: those of the other folds, else the labelled ones of the train split. */
export function trainingScans({ dataset, folds }: Pick<SweepData, "dataset" | "folds">, fold: number | null): number {
  if (fold === null || folds === undefined) {
    return dataset.scans.filter(({ split, presence }) => split === "train" && presence !== undefined).length;
  }
  return folds.scans.reduce((sum, scans, i) => folds.numbers[i] === fold ? sum : sum + scans, 0);
}

export function stepsOfRun(
  { epochs, batchSize, accumulate }: TrainConfig,
  data: Pick<SweepData, "dataset" | "folds">,
  fold: number | null,
): number {
  return epochs * Math.floor(trainingScans(data, fold) / (batchSize * accumulate));
}

export function estimateRun({ config, fold }: PlannedRun, data: Pick<SweepData, "dataset" | "folds">): RunEstimate {
  const { model: network, data: { size }, batchSize, accumulate, memory } = config;
  const steps = stepsOfRun(config, data, fold);
  return {
    steps,
    multiplyAccumulates: steps * batchSize * accumulate * trainingMultiplyAccumulates(planNetwork(network), size),
    memoryBytes: estimateTrainingMemory({ network, size, batchSize, memory }).totalBytes,
  };
}

/**
 * Seconds for runs that are not done, from those that are: their measured time a multiply-accumulate. Undefined where
 * nothing was measured.
 */
export function estimateSeconds(
  done: readonly { readonly estimate: RunEstimate; readonly record: RunRecord }[],
  todo: readonly RunEstimate[],
): number | undefined {
  const sum = (estimates: readonly RunEstimate[]) =>
    estimates.reduce((total, { multiplyAccumulates }) => total + multiplyAccumulates, 0);
  const seconds = done.reduce((total, { record }) => total + record.seconds, 0);
  const measured = sum(done.map(({ estimate }) => estimate));
  return measured === 0 ? undefined : seconds * sum(todo) / measured;
}
