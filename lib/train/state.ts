/**
 * Where a run stands, besides weights and optimizer moments. Everything that later numbers depend on is here, so that a
 * resumed run is the uninterrupted one; random numbers need no state, because every stream is derived from the seed and
 * the position.
 */

import type { Choices } from "../engine/timed_choices.ts";
import type { SmoothedLossState } from "./schedule.ts";

/** Best validation macro F1 so far; an epoch replaces it only when it is strictly better. */
export interface BestScore {
  readonly epoch: number;
  readonly score: number;
}

/** Strictly: of equal epochs the first is kept. A task without a score never improves; a first score of 0 does. */
export function improves(score: number | undefined, best: BestScore | null): score is number {
  return score !== undefined && score > (best?.score ?? -1);
}

/** Sums over the optimizer steps of the current epoch. */
export interface EpochSums {
  loss: number;
  presenceLoss: number;
  severityLoss: number;
}

export interface TrainState {
  /** Format of this record. */
  readonly version: 1;
  /** Epochs finished, validation included. */
  epoch: number;
  /** Optimizer steps done in the current epoch: the data cursor. */
  stepInEpoch: number;
  /** Optimizer steps done in all: the schedule's position. */
  step: number;
  sums: EpochSums;
  smooth: SmoothedLossState;
  best: { presence: BestScore | null; severity: BestScore | null };
  /** Bytes of metrics.jsonl that belong to this state. */
  metricsBytes: number;
  /** Identifies the scans and labels trained on. */
  readonly dataFingerprint: string;
  finished: boolean;
  /** What the engine chose by timing; a resumed run goes on with it. Absent where nothing was chosen. */
  engineChoices?: Choices;
}

export const noSums = (): EpochSums => ({ loss: 0, presenceLoss: 0, severityLoss: 0 });

export function initialState(dataFingerprint: string): TrainState {
  return {
    version: 1,
    epoch: 0,
    stepInEpoch: 0,
    step: 0,
    sums: noSums(),
    smooth: { value: 0, count: 0 },
    best: { presence: null, severity: null },
    metricsBytes: 0,
    dataFingerprint,
    finished: false,
  };
}
