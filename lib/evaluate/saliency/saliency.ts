/** Where a trained network looks: a saliency map for each scan. */
import { scansFromPaths } from "../../data/scans_from_paths.ts";
import { type Recipe, recipeFor } from "../../data/size.ts";
import type { Scan } from "../../data/types.ts";
import { chooseEngine, parseEngineChoice } from "../../engine/registry.ts";
import type { EngineDescription } from "../../engine/types.ts";
import { ConfigError, DataError, errorFromJSON } from "../../errors.ts";
import type { StageName } from "../../nn/network.ts";
import { planNetwork } from "../../nn/plan.ts";
import { type CheckpointName, readCheckpoint } from "../../train/checkpoint.ts";
import { readRun, type Run } from "../../train/run.ts";
import { runInWorker } from "../../worker.ts";
import type { FailedScan, PredictOptions } from "../predict.ts";
import { chooseWeights } from "../weights.ts";
import { defaultStage, parseStage, requireStage } from "./cam.ts";
import { explained, type ScanSaliency } from "./explained.ts";
import type { SaliencyMethod } from "./explain.ts";
import type { OcclusionOptions } from "./occlusion.ts";
import type { SaliencyMessage, SaliencyTask } from "./saliency_worker.ts";
import type { SaliencyTarget } from "./target.ts";

type ScanOptions = "run" | "paths" | "scans" | "engine" | "device" | "weights" | "skipUnreadable" | "cache" | "signal";

export interface SaliencyOptions extends Pick<PredictOptions, ScanOptions> {
  /** Default "gradcam". */
  readonly method?: SaliencyMethod;
  /** Default: the presence logit. */
  readonly target?: SaliencyTarget;
  /** Default: the deepest stage whose output has at least 16 cells along the width. Not used by occlusion. */
  readonly layer?: StageName;
  readonly occlusion?: OcclusionOptions;
  /**
   * The same maps for this many networks of the same shape with random weights (default 0), and their rank correlation
   * with the trained ones: a map that hardly changes shows the scan, not what was learnt (Adebayo et al. 2018).
   */
  readonly sanity?: number;
  /**
   * Let the batch norms of the random networks meet the scans first (default false). Fresh statistics make a random
   * network at inference a detector of brightness, which is a weaker control.
   */
  readonly settleRandom?: boolean;
  readonly onProgress?: (progress: SaliencyProgress) => void;
}

export interface SaliencyProgress {
  readonly done: number;
  readonly total: number;
  /** Share of the scan in work (occlusion). */
  readonly part?: number;
  readonly engine?: EngineDescription;
}

export interface SaliencyResult {
  readonly run: string;
  readonly method: SaliencyMethod;
  readonly target: SaliencyTarget;
  /** null for occlusion. */
  readonly layer: StageName | null;
  readonly weights: CheckpointName;
  readonly engine: EngineDescription;
  /** How the network's input was made of the slices: what `gridPlaces` needs. */
  readonly recipe: Recipe;
  readonly scans: readonly ScanSaliency[];
  /** Scans of which nothing could be read (only with `skipUnreadable`). */
  readonly failed: readonly FailedScan[];
  /** False when the signal ended it early. */
  readonly finished: boolean;
}

/** First seed of the random networks; no run's weights come from these numbers. */
const firstRandomSeed = 0x5a11e;

/**
 * Saliency maps of scans, at the resolution of the chosen stage; `mapSlice` brings them to the scan's own slices. The
 * engine runs in a Worker.
 * @throws RunError (no such run, no finished epoch), ConfigError ("saliency.target": a task that was not trained),
 *   DataError (a scan cannot be read), EngineError
 */
export async function saliency(options: SaliencyOptions): Promise<SaliencyResult> {
  const run = await readRun(options.run);
  const scans = options.scans ?? await scansFromPaths(options.paths ?? []);
  if (scans.length === 0) throw new DataError("scan-missing", "there are no scans to explain");
  const { method = "gradcam", target = { task: "presence" }, signal, onProgress } = options;
  const weights = weightsFor(run, target, options);
  const task = await saliencyTask(run, weights, scans, { ...options, method, target });
  const done: ScanSaliency[] = [], failed: FailedScan[] = [];
  let engine: EngineDescription | undefined;
  const { finished } = await runInWorker<SaliencyTask, SaliencyMessage, { finished: boolean }>(
    new URL("./saliency_worker.ts", import.meta.url),
    task,
    {
      ...(signal === undefined ? {} : { signal }),
      onMessage(message) {
        if (message.kind === "engine") engine = message.description;
        else if (message.kind === "failed") {
          const { key, folder } = scans[message.index]!;
          failed.push({ key, folder, reason: errorFromJSON(message.error).message });
        } else if (message.kind === "scan") {
          done.push(explained(scans[message.index]!, message, target, task.randomSeeds));
        }
        onProgress?.({
          done: done.length + failed.length,
          total: scans.length,
          ...(message.kind === "cubes" ? { part: message.done / message.total } : {}),
          ...(engine === undefined ? {} : { engine }),
        });
      },
    },
  );
  const layer = method === "occlusion" ? null : task.stage;
  const { recipe } = task;
  return { run: run.folder, method, target, layer, weights, engine: engine!, recipe, scans: done, failed, finished };
}

/** The weights that are best for the task, unless others are asked for. */
function weightsFor(run: Run, { task }: SaliencyTarget, { weights }: SaliencyOptions): CheckpointName {
  const name = chooseWeights(run, weights)[task];
  if (name !== null) return name;
  throw new ConfigError("saliency.target", `this run does not train ${task}`, {
    file: run.folder,
    expected: task === "presence" ? "λ below 1" : "λ above 0",
    found: `λ = ${run.config.loss.severityFactor}`,
  });
}

async function saliencyTask(
  { config, checkpointsFolder }: Run,
  weights: CheckpointName,
  scans: readonly Scan[],
  { engine, device, method, target, layer, occlusion, sanity = 0, settleRandom = false, skipUnreadable, cache }:
    & SaliencyOptions
    & Required<Pick<SaliencyOptions, "method" | "target">>,
): Promise<SaliencyTask> {
  const plan = planNetwork(config.model);
  const stage = layer === undefined
    ? defaultStage(plan, config.data.size.width)
    : requireStage(plan, parseStage(layer));
  const { files } = await readCheckpoint(checkpointsFolder, weights);
  return {
    engine: await chooseEngine(parseEngineChoice(engine)), // see predict.ts
    ...(device === undefined ? {} : { device }),
    method,
    target,
    stage,
    occlusion: occlusion ?? {},
    network: config.model,
    weights: files.get("model.safetensors")!,
    randomSeeds: Array.from({ length: sanity }, (_, i) => firstRandomSeed + i),
    settleRandom,
    scans,
    recipe: recipeFor(config.data),
    skipUnreadable: skipUnreadable ?? config.data.skipUnreadable,
    ...(cache === true ? {} : { cacheDirectory: typeof cache === "string" ? cache : null }),
  };
}
