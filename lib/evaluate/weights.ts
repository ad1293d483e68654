/** Which of a run's weights answer which question. */
import { ConfigError, RunError } from "../errors.ts";
import type { CheckpointName } from "../train/checkpoint.ts";
import { trainedTasks } from "../train/metrics.ts";
import type { Run } from "../train/run.ts";
import { shellWord } from "../paths.ts";

/** "auto": presence from the best-presence weights, severity from the best-severity weights. */
export const weightChoices = ["auto", "last", "best-presence", "best-severity"] as const;
export type WeightsChoice = typeof weightChoices[number];

/** The checkpoint that each task is read from; null = the run does not train this task. */
export interface TaskWeights {
  readonly presence: CheckpointName | null;
  readonly severity: CheckpointName | null;
}

/**
 * Where a task has no best weights (its validation split has no such labels), "auto" takes the last ones.
 * @throws RunError when the run has not finished an epoch, or does not have the weights that were asked for
 */
export function chooseWeights(run: Run, choice: WeightsChoice = "auto"): TaskWeights {
  if (!(weightChoices as readonly string[]).includes(choice)) {
    throw new ConfigError("weights.unknown", `unknown weights "${choice}"`, { expected: weightChoices.join(", ") });
  }
  const trained = trainedTasks(run.config.loss.severityFactor);
  const checkpointFor = (task: "presence" | "severity"): CheckpointName | null => {
    if (!trained[task]) return null;
    if (choice !== "auto") return required(run, choice);
    const best = `best-${task}` as const;
    return run.checkpoints.includes(best) ? best : finishedEpoch(run);
  };
  return { presence: checkpointFor("presence"), severity: checkpointFor("severity") };
}

function required(run: Run, name: CheckpointName): CheckpointName {
  if (run.checkpoints.includes(name)) return name;
  throw new RunError("run.no-weights", `this run has no ${name} weights`, {
    file: run.folder,
    found: run.checkpoints.join(", ") || "no checkpoint",
    hint: "Train it for at least one epoch first",
  });
}

function finishedEpoch(run: Run): CheckpointName {
  if ((run.state?.epoch ?? 0) > 0) return required(run, "last");
  throw new RunError("run.no-epoch", "this run has not finished an epoch yet", {
    file: run.folder,
    expected: "best or last weights of a finished epoch",
    found: run.checkpoints.join(", ") || "no checkpoint",
    hint: `Continue it with: cov3d train --resume ${shellWord(run.folder)}`,
  });
}
