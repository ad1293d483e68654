/** A training run as a person watches it: a bar of steps with loss and time left, one line per epoch. On stderr. */
import { progress } from "../report/progress.ts";
import type { TrainProgress } from "../train/progress.ts";
import { bars } from "./bars.ts";
import { log } from "./common.ts";

export interface TrainingDisplay {
  show(message: TrainProgress): void;
  end(): void;
}

export function trainingDisplay(): TrainingDisplay {
  const shown = bars();
  let first: number | undefined;
  return {
    end: shown.end,
    show(message) {
      switch (message.kind) {
        case "log":
          if (Deno.stderr.isTerminal()) shown.end(); // in a log file a line does not disturb the bar
          log(message.message);
          break;
        case "prepare": {
          const { done, total } = message;
          shown.of("prepare", () => progress({ label: "volumes", total, unit: "scans" })).update(done);
          break;
        }
        case "step": {
          const { step, totalSteps, epoch, epochs, smoothLoss } = message;
          // Counted from where this session began, so that rate and time left are right after a resume.
          first ??= step - 1;
          const total = totalSteps - first;
          const note = `· epoch ${epoch + 1}/${epochs}, loss ${smoothLoss.toFixed(4)}`;
          shown.of("step", () => progress({ label: "training", total, unit: "steps" })).update(step - first, note);
          break;
        }
      }
    },
  };
}
