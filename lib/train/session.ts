/** Everything a training session holds open: engine, data, network, optimizer, state, files. */
import { cpus, hostname, totalmem } from "node:os";
import { join } from "node:path";
import { openDataset } from "../data/dataset.ts";
import { keptVolumesBytes } from "../data/batch_assembly.ts";
import { readItemWeights, weightsOf } from "../data/item_weights.ts";
import { Loader } from "../data/loader.ts";
import { workerSource } from "../data/loader_source.ts";
import { preprocess } from "../data/preprocess.ts";
import { recipeFor } from "../data/size.ts";
import { startEngine } from "../engine/registry.ts";
import { assertSelfTest } from "../engine/self_test.ts";
import { systemMemoryBytes } from "../engine/system_memory.ts";
import type { Engine } from "../engine/types.ts";
import { ConfigError, DataError, RunError } from "../errors.ts";
import { createNetwork, type Network } from "../nn/network.ts";
import type { MemoryMode } from "../nn/recompute.ts";
import { decodeSafetensors, encodeSafetensors, type StateDict } from "../nn/safetensors.ts";
import { deriveSeed } from "../random.ts";
import { warmUpLoader } from "./batches.ts";
import { type CheckpointName, hasCheckpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { TrainConfig } from "./config.ts";
import { heldOutFold } from "./folds.ts";
import { itemWeightsFile } from "./item_weights_file.ts";
import { dataFingerprint, type LabelledSplits, labelledSplits, trainingLabels } from "./labels.ts";
import { lossConfigOf } from "./loss_config.ts";
import type { Cov3dLossConfig } from "./losses.ts";
import { assertFits, formatBytes, type MemoryEstimate, memoryLimits, spareBytes } from "./memory.ts";
import { AdamW } from "./optimizer.ts";
import type { TrainProgress } from "./progress.ts";
import { appendLog, MetricsLog, readRunConfig, recordSession, runFiles } from "./run.ts";
import { loadStartingPoint } from "./starting_point.ts";
import { initialState, type TrainState } from "./state.ts";
import type { Label } from "./targets.ts";
import { unusedOptions } from "./unused_options.ts";

export interface SessionOptions {
  readonly folder: string;
  /** Overrides the dataset folder of config.json. */
  readonly directory?: string;
  /** Overrides the memory mode of config.json. */
  readonly memory?: MemoryMode;
  readonly onProgress: (progress: TrainProgress) => void;
  readonly signal: AbortSignal;
}

export interface Session {
  readonly folder: string;
  readonly config: TrainConfig;
  readonly signal: AbortSignal;
  readonly engine: Engine;
  readonly network: Network;
  readonly optimizer: AdamW;
  readonly splits: LabelledSplits;
  /** Labels of `splits.train`. */
  readonly labels: readonly Label[];
  readonly loss: Cov3dLossConfig;
  /** Factors of the training scans' losses, in the order of `splits.train`; all 1 when undefined. */
  readonly itemWeights: readonly number[] | undefined;
  readonly loader: Loader;
  readonly metrics: MetricsLog;
  readonly state: TrainState;
  readonly stepsPerEpoch: number;
  post(progress: TrainProgress): void;
  /** To log.txt and to whoever watches. */
  log(message: string): void;
  close(): Promise<void>;
}

/**
 * Starts the engine, proves it, opens the data and restores the last checkpoint where there is one.
 * @throws EngineError (self-test, memory), DataError, RunError (damaged checkpoint, changed dataset)
 */
export async function openSession(
  { folder, directory, memory: mode, onProgress, signal }: SessionOptions,
): Promise<Session> {
  const kept = await readRunConfig(folder), config: TrainConfig = { ...kept, memory: mode ?? kept.memory };
  const log = (message: string) => {
    appendLog(folder, message);
    onProgress({ kind: "log", message });
  };
  const data = await openData(config, directory ?? config.data.directory);
  logFold(data.splits, log);
  logItemWeights(data.itemWeights, log);
  for (const note of unusedOptions(config)) log(note);
  const engine = await startEngine(config.engine, config.device === undefined ? {} : { device: config.device });
  const question = {
    network: config.model,
    size: config.data.size,
    batchSize: config.batchSize,
    memory: config.memory,
    engine: engine.name,
  };
  const limits = memoryLimits(engine.describe(), engine.memory(), systemMemoryBytes());
  const loader = openLoader(config, spareBytes(question, limits)); // its Worker starts while the engine proves itself
  try {
    const { version, device } = engine.describe();
    log(`engine ${engine.name} (${version}) on ${device.name}`);
    await assertSelfTest(engine);
    const memory = assertFits(question, limits);
    log(`self-test passed; a step needs about ${formatBytes(memory.totalBytes)}`);
    await recordSession(folder, describeSession(engine, data.splits, memory));
    await prepareVolumes(config, data.splits, { onProgress, signal, log });
    signal.throwIfAborted();
    warmUpLoader({ config, loader, ...data });
    const network = createNetwork(config.model, engine.ops, deriveSeed(config.seed, "weights"));
    const optimizer = new AdamW({ weightDecay: config.optimizer.weightDecay, ops: engine.ops });
    if (!(await hasCheckpoint(join(folder, runFiles.checkpoints), "last"))) {
      await loadStartingPoint(network, config, log);
    }
    const state = await restore(folder, network, optimizer, data.fingerprint, log);
    engine.choices?.restore(state.engineChoices ?? {});
    const metrics = await MetricsLog.open(folder, state.metricsBytes);
    return {
      folder,
      config,
      signal,
      engine,
      network,
      optimizer,
      ...data,
      loader,
      metrics,
      state,
      log,
      post: onProgress,
      async close() {
        loader.close();
        metrics.close();
        optimizer.dispose();
        network.dispose();
        await engine.stop();
      },
    };
  } catch (error) {
    loader.close();
    await engine.stop();
    throw error;
  }
}

async function openData(config: TrainConfig, directory: string) {
  const { patients, shuffleLabels: shuffle } = config.data;
  const weightsFile = await itemWeightsFile(config);
  const dataset = await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
  const splits = labelledSplits(dataset, await heldOutFold(config));
  const labels = trainingLabels(splits.train, { seed: config.seed, shuffle });
  const stepsPerEpoch = Math.floor(splits.train.length / (config.batchSize * config.accumulate));
  if (stepsPerEpoch === 0) {
    throw new ConfigError("config.too_few_scans", "there are fewer training scans than one optimizer step takes", {
      file: directory,
      expected: `at least ${config.batchSize} × ${config.accumulate} scans`,
      found: `${splits.train.length}`,
      hint: "Use a smaller --batch-size or --accumulate",
    });
  }
  const loss = lossConfigOf(config.loss, labels);
  const itemWeights = weightsFile === undefined
    ? undefined
    : weightsOf(await readItemWeights(weightsFile.file, dataset.scans), splits.train);
  const fingerprint = await dataFingerprint(splits, itemWeights);
  return { splits, labels, loss, stepsPerEpoch, fingerprint, itemWeights };
}

function logFold({ train, validation, fold, leftOut = [] }: LabelledSplits, log: (message: string) => void): void {
  if (fold === undefined) return;
  log(`fold ${fold} is held out: ${validation.length} scans; ${train.length} of the other folds are trained on`);
  const names = leftOut.slice(0, 3).map(({ key }) => key).join(", ");
  if (leftOut.length > 0) {
    log(
      `${leftOut.length} scans that the folds file does not list are left out: ${names}${
        leftOut.length > 3 ? " …" : ""
      }`,
    );
  }
}

function logItemWeights(weights: readonly number[] | undefined, log: (message: string) => void): void {
  if (weights === undefined) return;
  const changed = weights.filter((weight) => weight !== 1).length,
    zero = weights.filter((weight) => weight === 0).length;
  log(`${changed} of ${weights.length} training scans have a weight other than 1, ${zero} of them 0`);
}

/** Fills the cache on all cores before the first step: unreadable scans are found now and not after hours. */
async function prepareVolumes(
  config: TrainConfig,
  { train, validation }: LabelledSplits,
  { onProgress, signal, log }: Pick<SessionOptions, "onProgress" | "signal"> & { log(message: string): void },
): Promise<void> {
  const { cache, skipUnreadable, directory } = config.data;
  const { made, repaired, failed, skipped, seconds } = await preprocess({
    dataset: { root: directory, scans: [...train, ...validation], notes: [] },
    recipe: recipeFor(config.data),
    ...(cache === undefined ? {} : { cacheDirectory: cache }),
    skipUnreadable,
    signal,
    onProgress: ({ done, total }) => onProgress({ kind: "prepare", done, total }),
  });
  const slices = Object.values(skipped).reduce((sum, names) => sum + names.length, 0);
  if (slices > 0) log(`${slices} unreadable slices of ${Object.keys(skipped).length} scans are left out`);
  log(`${train.length + validation.length} volumes, ${made + repaired} of them made now (${seconds.toFixed(1)} s)`);
  const [first] = failed;
  if (first === undefined) return;
  throw new DataError(first.code, `${failed.length} scans cannot be used, the first one is ${first.scan}`, {
    found: first.message,
    hint: skipUnreadable ? "Remove or repair them" : "Remove or repair them, or train with --skip-unreadable",
  });
}

function openLoader({ data }: TrainConfig, spare: number): Loader {
  const { size, cache, skipUnreadable } = data;
  const source = workerSource({
    recipe: recipeFor(data),
    skipUnreadable,
    keepBytes: Math.min(keptVolumesBytes, spare),
    ...(cache === undefined ? {} : { cacheDirectory: cache }),
  });
  return new Loader({ source, size });
}

async function restore(
  folder: string,
  network: Network,
  optimizer: AdamW,
  fingerprint: string,
  log: (message: string) => void,
): Promise<TrainState> {
  const checkpoints = join(folder, runFiles.checkpoints);
  if (!(await hasCheckpoint(checkpoints, "last"))) return initialState(fingerprint);
  const { state, files } = await readCheckpoint(checkpoints, "last");
  if (state.dataFingerprint !== fingerprint) {
    throw new RunError("run.data_changed", "the dataset is not the one that this run began with", {
      file: folder,
      expected: "the same scans and labels in train and validation",
      hint: "Restore the dataset, or start a new run",
    });
  }
  network.loadStateDict(decodeSafetensors(files.get("model.safetensors")!).tensors);
  optimizer.load(decodeSafetensors(files.get("optimizer.safetensors")!).tensors, network.parameters);
  log(`continuing at epoch ${state.epoch + 1}, step ${state.stepInEpoch} (${state.step} in all)`);
  return state;
}

/**
 * Writes weights, moments and state under each of `names`, in that order.
 * @throws RunError when a weight is not finite: such a checkpoint would destroy the one that is there
 */
export async function saveCheckpoints(
  { folder, engine, network, optimizer, metrics, state }: Session,
  names: readonly CheckpointName[],
  extra: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<void> {
  await metrics.sync();
  const weights = await network.stateDict();
  for (const [weight, { dtype, data }] of weights) {
    if (dtype === "F32" && !data.every(Number.isFinite)) throw notFinite(`weight "${weight}"`, state.step);
  }
  const files = new Map([
    ["model.safetensors", encodeSafetensors(weights, { format: "pt" })],
    ["optimizer.safetensors", encodeSafetensors(sortedByName(await optimizer.state()))],
    ...extra,
  ]);
  state.metricsBytes = metrics.bytes;
  const choices = engine.choices?.current() ?? {};
  if (Object.keys(choices).length > 0) state.engineChoices = choices;
  for (const name of names) await writeCheckpoint(join(folder, runFiles.checkpoints), name, { state, files });
}

/** Moments lie in the order of their first step, which a resumed run does not repeat. */
function sortedByName(state: StateDict): StateDict {
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function notFinite(what: string, step: number): RunError {
  return new RunError("train.not_finite", `${what} is not a finite number after step ${step}`, {
    expected: "finite numbers",
    hint: "Lower --learning-rate and start a new run; the last checkpoint is from before this happened",
  });
}

function describeSession(engine: Engine, { train, validation }: LabelledSplits, memory: MemoryEstimate) {
  return {
    started: new Date().toISOString(),
    engine: engine.describe(),
    deno: Deno.version,
    system: {
      os: Deno.build.os,
      arch: Deno.build.arch,
      release: Deno.osRelease(),
      host: hostname(),
      processor: cpus()[0]?.model ?? "unknown",
      cores: navigator.hardwareConcurrency,
      memoryBytes: totalmem(),
    },
    data: { train: train.length, validation: validation.length },
    memoryEstimate: memory,
  };
}
