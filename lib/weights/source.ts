/** Weights named by a file, a run folder or a checkpoint of a run. */
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, DataError, RunError } from "../errors.ts";
import { fileExists } from "../files.ts";
import { type CheckpointName, checkpointNames, readCheckpoint } from "../train/checkpoint.ts";
import { readRun, runFiles } from "../train/run.ts";

/** "best": the best presence weights, else the best severity weights, else the last ones of a finished epoch. */
export const checkpointChoices = ["best", ...checkpointNames] as const;
export type CheckpointChoice = typeof checkpointChoices[number];

const modelFile = "model.safetensors";

/**
 * The file that `path` stands for, absolute: a file itself; of a run folder the checkpoint that is chosen; of
 * `RUN/checkpoints/<name>` that one. A checkpoint is verified before its file is returned.
 * @throws DataError when there is nothing there; RunError, ConfigError
 */
export async function weightsFileOf(path: string, choice: CheckpointChoice = "best"): Promise<string> {
  const found = await Deno.stat(path).catch((cause: Error) => {
    throw new DataError("weights.unreadable", "weights file cannot be read", {
      file: resolve(path),
      found: cause.message,
      cause,
    });
  });
  if (!found.isDirectory) return resolve(path);
  const folder = resolve(path), name = basename(folder) as CheckpointName;
  if (checkpointNames.includes(name) && await fileExists(join(folder, modelFile))) {
    await readCheckpoint(dirname(folder), name);
    return join(folder, modelFile);
  }
  const chosen = await chooseCheckpoint(folder, choice);
  return join(folder, runFiles.checkpoints, chosen, modelFile);
}

/** @throws RunError when the folder is no run, or does not have the weights */
export async function chooseCheckpoint(folder: string, choice: CheckpointChoice = "best"): Promise<CheckpointName> {
  if (!checkpointChoices.includes(choice)) {
    throw new ConfigError("weights.unknown", `unknown weights "${choice}"`, { expected: checkpointChoices.join(", ") });
  }
  const { checkpoints, state, checkpointsFolder } = await readRun(folder);
  const last = (state?.epoch ?? 0) > 0 || choice === "last" ? ["last" as const] : [];
  const candidates = choice === "best" ? ["best-presence" as const, "best-severity" as const, ...last] : [choice];
  const chosen = candidates.find((name) => checkpoints.includes(name));
  if (chosen === undefined) {
    throw new RunError("run.no-weights", `this run has no ${choice} weights`, {
      file: folder,
      found: checkpoints.join(", ") || "no checkpoint",
      hint: "Train it for at least one epoch first",
    });
  }
  await readCheckpoint(checkpointsFolder, chosen);
  return chosen;
}
