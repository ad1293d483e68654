/** The Worker of a training run: owns the engine, posts progress, stops at a step boundary when asked. */
import type { MemoryMode } from "../nn/recompute.ts";
import { serveWorker } from "../worker.ts";
import type { TrainProgress } from "./progress.ts";
import { runTraining, type TrainResult } from "./trainer.ts";

export interface TrainTask {
  readonly folder: string;
  /** Overrides the dataset folder of config.json. */
  readonly directory?: string;
  /** Overrides the memory mode of config.json. */
  readonly memory?: MemoryMode;
}

serveWorker<TrainTask, TrainProgress, TrainResult>((task, { post, signal }) =>
  runTraining({ ...task, onProgress: (progress) => post(progress), signal })
);
