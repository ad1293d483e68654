/** The same first steps on every engine that is here: what differs is the engine alone. */
import { join } from "node:path";
import { availableEngines } from "../engine/registry.ts";
import type { EngineName } from "../engine/types.ts";
import { makeFolder } from "../files.ts";
import type { TrainConfig } from "./config.ts";
import { readRun } from "./run.ts";
import { train } from "./train.ts";

export interface CompareEnginesOptions {
  readonly config: TrainConfig;
  /** Optimizer steps on each engine; fewer where the training has fewer. */
  readonly steps: number;
  /** Folder for the runs; what an earlier comparison left there is replaced. */
  readonly folder: string;
  /** Those that are available here, software adapters excepted, when left out. */
  readonly engines?: readonly EngineName[];
  readonly signal?: AbortSignal;
}

export interface EngineSteps {
  readonly engine: EngineName;
  /** Training loss of each step. */
  readonly losses: readonly number[];
  /** From the first step to the last one. */
  readonly stepsPerSecond: number;
}

/**
 * Trains `steps` steps of the same configuration on each engine: same weights at the start, same scans, same reflections,
 * same dropout masks. Losses agree to rounding at first and drift apart slowly, as rounding differs.
 * @throws what `train` throws
 */
export async function compareEngines(options: CompareEnginesOptions): Promise<EngineSteps[]> {
  const { engines = (await availableEngines()).map(({ engine }) => engine), folder } = options;
  await makeFolder(folder);
  const results: EngineSteps[] = [];
  for (const engine of engines) results.push(await firstSteps(engine, options));
  return results;
}

async function firstSteps(
  engine: EngineName,
  { config, steps, folder, signal }: CompareEnginesOptions,
): Promise<EngineSteps> {
  const out = join(folder, engine);
  await Deno.remove(out, { recursive: true }).catch(() => {});
  const enough = new AbortController();
  const times: number[] = [];
  await train({
    config: { ...config, engine },
    out,
    signal: signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]),
    onProgress(progress) {
      if (progress.kind !== "step") return;
      times.push(performance.now());
      if (progress.step >= steps) enough.abort();
    },
  });
  signal?.throwIfAborted();
  const losses = (await readRun(out)).steps.slice(0, steps).map(({ loss }) => loss);
  return { engine, losses, stepsPerSecond: 1000 * (times.length - 1) / (times.at(-1)! - times[0]!) };
}
