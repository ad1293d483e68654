/** The Worker of a learning-rate sweep: owns the engine, posts each step, stops at a step boundary when asked. */
import { serveWorker } from "../worker.ts";
import type { SweepPoint, SweepRange } from "./lr_find.ts";
import { runSweep, type Sweep } from "./lr_find_sweep.ts";
import type { TrainProgress } from "./progress.ts";

export interface SweepTask {
  /** A run folder for the time of the sweep. */
  readonly folder: string;
  readonly range: SweepRange;
  readonly stopWhenDiverged: boolean;
}

export type SweepMessage =
  | { readonly kind: "progress"; readonly progress: TrainProgress }
  | { readonly kind: "point"; readonly point: SweepPoint; readonly done: number };

serveWorker<SweepTask, SweepMessage, Sweep>((task, { post, signal }) =>
  runSweep({
    ...task,
    signal,
    onProgress: (progress) => post({ kind: "progress", progress }),
    onPoint: (point, done) => post({ kind: "point", point, done }),
  })
);
