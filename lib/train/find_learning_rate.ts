/** The verb `findLearningRate`: a learning-rate range test on a dataset, which leaves nothing behind. */
import { join } from "node:path";
import { chooseEngine } from "../engine/registry.ts";
import { ConfigError } from "../errors.ts";
import { runInWorker } from "../worker.ts";
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from "./config.ts";
import { withFoldsHash } from "./folds.ts";
import { withItemWeightsHash } from "./item_weights_file.ts";
import { defaultSweep, type Suggestions, suggestLearningRates, type SweepPoint, type SweepRange } from "./lr_find.ts";
import type { Sweep, SweepEnd } from "./lr_find_sweep.ts";
import type { SweepMessage, SweepTask } from "./lr_find_worker.ts";
import type { TrainProgress } from "./progress.ts";
import { createRun } from "./run.ts";

export interface FindLearningRateOptions extends Partial<SweepRange> {
  /** As for `train`; its learning rate and epochs are not used. */
  readonly config: TrainConfigInput;
  /** Default true; false goes on to the highest rate whatever the loss does, as the original program. */
  readonly stopWhenDiverged?: boolean;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly onPoint?: (point: SweepPoint, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface LearningRates {
  readonly suggestions: Suggestions;
  readonly points: readonly SweepPoint[];
  readonly range: SweepRange;
  /** "diverged": the smoothed loss was more than four times its lowest value, or not a finite number. */
  readonly end: SweepEnd;
  readonly engine: string;
  readonly config: TrainConfig;
}

/**
 * Sweeps the learning rate over training steps of fresh weights and reads four suggestions off the loss. The engine runs
 * in a Worker; no run folder is made and no weight is kept.
 * @throws ConfigError ("lr-find.range", and those of `train`), DataError, EngineError
 */
export async function findLearningRate(options: FindLearningRateOptions): Promise<LearningRates> {
  const range = sweepRange(options);
  const parsed = await withItemWeightsHash(await withFoldsHash(parseTrainConfig(options.config)));
  const config: TrainConfig = { ...parsed, engine: await chooseEngine(parsed.engine) };
  const { stopWhenDiverged = true, onProgress, onPoint, signal } = options;
  const parent = await Deno.makeTempDir({ prefix: "cov3d-lr-find-" });
  try {
    const folder = join(parent, "run");
    await createRun(folder, config); // a training session lives in a run folder; this one goes when the sweep ends
    const sweep = await runInWorker<SweepTask, SweepMessage, Sweep>(
      new URL("./lr_find_worker.ts", import.meta.url),
      { folder, range, stopWhenDiverged },
      {
        ...(signal === undefined ? {} : { signal }),
        onMessage(message) {
          if (message.kind === "progress") onProgress?.(message.progress);
          else onPoint?.(message.point, message.done, range.iterations);
        },
      },
    );
    return { suggestions: suggestLearningRates(sweep.points, range), ...sweep, range, config };
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

function sweepRange(options: Partial<SweepRange>): SweepRange {
  const { startLr, endLr, iterations } = { ...defaultSweep, ...definedOnly(options) };
  if (!(startLr > 0 && endLr > startLr && Number.isFinite(endLr))) {
    throw new ConfigError("lr-find.range", "the rates of a sweep", {
      expected: "0 < start < end",
      found: `${startLr} … ${endLr}`,
    });
  }
  if (!Number.isInteger(iterations) || iterations < 2) {
    throw new ConfigError("lr-find.range", "the steps of a sweep", {
      expected: "a whole number above 1",
      found: String(iterations),
    });
  }
  return { startLr, endLr, iterations };
}

function definedOnly({ startLr, endLr, iterations }: Partial<SweepRange>): Partial<SweepRange> {
  return {
    ...(startLr === undefined ? {} : { startLr }),
    ...(endLr === undefined ? {} : { endLr }),
    ...(iterations === undefined ? {} : { iterations }),
  };
}
