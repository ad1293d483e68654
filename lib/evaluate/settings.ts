/** Everything about a run and the options that decides what it predicts for a scan, engines aside. */
import { join } from "node:path";
import { ConfigError, DataError } from "../errors.ts";
import { type CheckpointName, readCheckpoint, readCheckpointState } from "../train/checkpoint.ts";
import type { Run } from "../train/run.ts";
import type { ReflectionRule } from "./decode.ts";
import type { PredictOptions } from "./predict.ts";
import type { MonteCarlo } from "./predict_worker.ts";
import { chooseWeights, type TaskWeights } from "./weights.ts";

export interface PredictionSettings {
  readonly weights: TaskWeights;
  /** SHA-256 of each task's weights file. */
  readonly weightsSha256: Readonly<Record<keyof TaskWeights, string | null>>;
  /** Mean over the scan and its mirror image; never with Monte-Carlo dropout, as in the original program. */
  readonly reflection: boolean;
  readonly reflectionRule: ReflectionRule;
  readonly monteCarlo: MonteCarlo | null;
  readonly skipUnreadable: boolean;
}

/**
 * Completes the options from the run.
 * @throws RunError (no such weights), ConfigError "mc.no-dropout" | "mc.samples" | "weights.unknown"
 */
export async function predictionSettings(run: Run, options: PredictOptions): Promise<PredictionSettings> {
  const weights = chooseWeights(run, options.weights);
  const monteCarlo = monteCarloOf(run, options);
  const hash = async (name: CheckpointName | null) => name && await weightsSha256(run.checkpointsFolder, name);
  return {
    weights,
    weightsSha256: { presence: await hash(weights.presence), severity: await hash(weights.severity) },
    reflection: (options.reflection ?? true) && monteCarlo === null,
    reflectionRule: options.reflectionRule ?? run.config.inference.reflectionRule,
    monteCarlo,
    skipUnreadable: options.skipUnreadable ?? run.config.data.skipUnreadable,
  };
}

const weightsFile = "model.safetensors";

/** The network's weights of one checkpoint, verified. */
export async function readWeights(checkpointsFolder: string, name: CheckpointName): Promise<Uint8Array> {
  const { files } = await readCheckpoint(checkpointsFolder, name, [weightsFile]);
  return files.get(weightsFile) ?? noWeights(checkpointsFolder, name);
}

/** Of the weights file as it was written; it is verified when it is read. */
async function weightsSha256(checkpointsFolder: string, name: CheckpointName): Promise<string> {
  const { sha256 } = await readCheckpointState(checkpointsFolder, name);
  return sha256[weightsFile] ?? noWeights(checkpointsFolder, name);
}

function noWeights(checkpointsFolder: string, name: CheckpointName): never {
  throw new DataError("weights.missing", "the checkpoint has no weights", {
    file: join(checkpointsFolder, name),
    expected: weightsFile,
  });
}

function monteCarloOf({ config, folder }: Run, { mcSamples, mcSeed }: PredictOptions): MonteCarlo | null {
  if (mcSamples === undefined) return null;
  if (!Number.isSafeInteger(mcSamples) || mcSamples < 1) {
    const found = String(mcSamples);
    throw new ConfigError("mc.samples", "Monte-Carlo dropout needs samples", { expected: "a whole number ≥ 1", found });
  }
  if (config.model.dropout > 0) return { samples: mcSamples, seed: mcSeed ?? config.seed };
  throw new ConfigError("mc.no-dropout", "this run has no dropout, so all samples would be the same", {
    file: folder,
    expected: "model.dropout above 0",
    found: "0",
    hint: "Predict without Monte-Carlo samples, or train with dropout",
  });
}
