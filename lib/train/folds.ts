/** The fold that a run holds out, as its configuration names it. */
import { readFolds } from "../data/folds_file.ts";
import { RunError } from "../errors.ts";
import type { TrainConfig } from "./config.ts";
import type { HeldOutFold } from "./labels.ts";

/**
 * Reads the folds file of a configuration; undefined where it names none.
 * @throws RunError "run.folds_changed" when the file is not the one that the run began with; those of `readFolds`
 */
export async function heldOutFold({ data: { folds } }: Pick<TrainConfig, "data">): Promise<HeldOutFold | undefined> {
  if (folds === undefined) return undefined;
  const read = await readFolds(folds);
  if (folds.sha256 === undefined || folds.sha256 === read.sha256) return { folds: read, fold: folds.fold };
  throw new RunError("run.folds_changed", "the folds file is not the one that this run began with", {
    file: folds.file,
    expected: `SHA-256 ${folds.sha256}`,
    found: read.sha256,
    hint: "Restore the file, or start a new run",
  });
}

/** The configuration with the hash of its folds file, so that a run notices when the file changes. */
export async function withFoldsHash(config: TrainConfig): Promise<TrainConfig> {
  const held = await heldOutFold(config);
  if (held === undefined) return config;
  const { folds: { file, sha256 }, fold } = held;
  return { ...config, data: { ...config.data, folds: { file, fold, sha256 } } };
}
