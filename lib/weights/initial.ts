/** The weights that a training run starts from. */
import { RunError } from "../errors.ts";
import type { NetworkConfig } from "../nn/config.ts";
import type { StateDict } from "../nn/safetensors.ts";
import { stateShapes } from "../nn/state_shapes.ts";
import type { TrainConfig } from "../train/config.ts";
import { assertComplete, type MappingReport, mapWeights } from "./map.ts";
import { readWeights } from "./read.ts";
import { weightsFileOf } from "./source.ts";
import { shellWord } from "../paths.ts";

/** Metadata of an incomplete file that `cov3d weights import --no-strict` wrote. */
export const incompleteKey = "incomplete";

export interface InitialWeights {
  readonly sha256: string;
  /** What the file gives this network; the rest keeps its initial values. */
  readonly state: StateDict;
  readonly report: MappingReport;
  /** For the run's log. */
  readonly notes: readonly string[];
}

/** The configuration with the weights' absolute path and hash, so that a run notices when the file changes. */
export async function withWeightsHash(config: TrainConfig): Promise<TrainConfig> {
  if (config.initialWeights === undefined) return config;
  const file = await weightsFileOf(config.initialWeights.file);
  const { sha256 } = await readInitialWeights({ ...config.initialWeights, file }, config.model);
  return { ...config, initialWeights: { file, sha256 } };
}

/**
 * Reads and maps the weights of a configuration.
 * @throws RunError "run.weights_changed" when the file is not the one that the run began with; DataError when the
 *   network's body is not complete in it
 */
export async function readInitialWeights(
  { file, sha256: expected }: NonNullable<TrainConfig["initialWeights"]>,
  network: NetworkConfig,
): Promise<InitialWeights> {
  const { sha256, tensors, metadata } = await readWeights(file, (found) => assertSame(file, expected, found.sha256));
  const { state, report } = mapWeights(tensors, stateShapes(network));
  const hint = `Train with the --model that these weights are of; \`cov3d weights inspect ${
    shellWord(file)
  }\` names it`;
  if (metadata[incompleteKey] === undefined) assertComplete(report, file, network.model, hint);
  return { state, report, sha256, notes: notesOf(file, sha256, report) };
}

function assertSame(file: string, expected: string | undefined, found: string): void {
  if (expected === undefined || expected === found) return;
  throw new RunError("run.weights_changed", "the initial weights are not the ones that this run began with", {
    file,
    expected: `SHA-256 ${expected}`,
    found,
    hint: "Restore the file, or start a new run",
  });
}

function notesOf(file: string, hash: string, report: MappingReport): string[] {
  const { matched, reshaped, counters, dropped, fresh, missing, unexpected, mismatched } = report;
  const summed = reshaped.map(({ name, from, to }) =>
    `, ${name} summed from [${from.join(", ")}] to [${to.join(", ")}]`
  );
  const skipped = [...missing, ...mismatched.map(({ name }) => name)];
  return [
    `starting from ${file} (SHA-256 ${hash.slice(0, 16)}…): ${matched.length} tensors as they are${summed.join("")}` +
    (counters.length > 0 ? `, ${counters.length} counters at 0` : ""),
    ...dropped.map(({ name, shape, why }) => `not taken: ${name} [${shape.join(", ")}], ${why}`),
    ...(unexpected.length > 0 ? [`not taken: ${unexpected.join(", ")}`] : []),
    ...(fresh.length > 0 ? [`the head starts anew: ${fresh.join(", ")}`] : []),
    ...(skipped.length > 0 ? [`not in the file, so these start anew: ${skipped.join(", ")}`] : []),
  ];
}
