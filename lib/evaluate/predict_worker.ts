/** The prediction Worker: owns the engine and sends one set of logits per scan. */
import type { NetworkConfig } from "../nn/config.ts";
import type { CheckpointName } from "../train/checkpoint.ts";
import { type ScanMessage, type ScanTask, serveScans } from "./scan_worker.ts";
import { readWeights } from "./settings.ts";

export interface MonteCarlo {
  readonly samples: number;
  /** A scan's masks depend on this seed, the scan's id and the number of the sample, and on nothing else. */
  readonly seed: number;
}

export interface PredictTask extends ScanTask {
  readonly network: NetworkConfig;
  /** Every scan goes through the weights of each of these checkpoints. */
  readonly checkpoints: readonly CheckpointName[];
  readonly checkpointsFolder: string;
  /** Add a second view: the sagittal reflection. */
  readonly reflection: boolean;
  /** Instead of views: this many passes with dropout active. */
  readonly monteCarlo: MonteCarlo | null;
}

/** `logits[checkpoint][view or sample]` of scan number `index`. */
export interface LogitsMessage {
  readonly kind: "scan";
  readonly index: number;
  readonly logits: readonly (readonly number[])[][];
  readonly skipped: readonly string[];
}

export type PredictMessage = LogitsMessage | ScanMessage;

serveScans<PredictTask, LogitsMessage>(async ({ checkpoints, checkpointsFolder }) => {
  const [{ predictScans }, weights] = await Promise.all([
    import("./predict_scans.ts"),
    Promise.all(checkpoints.map((name) => readWeights(checkpointsFolder, name))),
  ]);
  return (engine, task, context, volumes) => predictScans(engine, weights, task, context, volumes);
});
