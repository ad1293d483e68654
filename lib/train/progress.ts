/** What a running training tells whoever watches; plain data that crosses the Worker boundary. */
import type { EpochMetrics, StepMetrics } from "./metrics.ts";

export type TrainProgress =
  /** Something began that takes a while, or that a log should keep. */
  | { readonly kind: "log"; readonly message: string }
  /** Volumes are being preprocessed. */
  | { readonly kind: "prepare"; readonly done: number; readonly total: number }
  | StepProgress
  | { readonly kind: "validation"; readonly done: number; readonly total: number }
  | { readonly kind: "epoch"; readonly metrics: EpochMetrics };

export interface StepProgress extends StepMetrics {
  readonly epochs: number;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** In this session, validation included. */
  readonly stepsPerSecond: number;
  readonly secondsLeft: number;
}
