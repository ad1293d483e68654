/** A training run as it is watched in a notebook: one line of progress, and curves that grow with every epoch. */
import { trainingCurves } from "../report/figures/training_curves.ts";
import { formatSeconds } from "../report/progress.ts";
import { epochPoints } from "../report/run_figures.ts";
import type { EpochMetrics, StepMetrics } from "../train/metrics.ts";
import { formatScore } from "../train/metrics.ts";
import type { TrainProgress } from "../train/progress.ts";
import { display, freshDisplayId, settle, updateDisplay } from "./kernel.ts";
import { kernelLine } from "./kernel_progress.ts";
import { figureBundle } from "./bundles.ts";

export interface LiveTraining {
  readonly onProgress: (progress: TrainProgress) => void;
  /** Sends what is still to be sent. */
  end(status: string): Promise<void>;
}

export function liveTraining(): LiveTraining {
  const line = kernelLine(), id = freshDisplayId();
  const epochs: EpochMetrics[] = [], lastSteps = new Map<number, StepMetrics>();
  let drawing: Promise<void> = Promise.resolve(), drawn = 0, epochLimit = 0;
  const draw = () => {
    drawing = drawing.then(async () => {
      if (drawn === epochs.length) return; // an epoch that ended meanwhile was drawn with the one before
      const first = drawn === 0;
      drawn = epochs.length;
      const points = epochPoints({ epochs, steps: [...lastSteps.values()] });
      const bundle = await figureBundle(trainingCurves({ epochs: points }));
      await (first ? display(bundle, { id }) : updateDisplay(id, bundle));
    });
  };
  return {
    onProgress(progress) {
      if (progress.kind === "step") {
        const { step, totalSteps, epochs: limit, stepsPerSecond, secondsLeft, smoothLoss } = progress;
        epochLimit = limit;
        lastSteps.set(progress.epoch, progress);
        line.update(
          `epoch ${progress.epoch + 1}/${limit} · step ${step}/${totalSteps} · ${stepsPerSecond.toFixed(1)} steps/s, ` +
            `${formatSeconds(secondsLeft)} left · loss ${smoothLoss.toFixed(4)}`,
          step / totalSteps,
        );
      } else if (progress.kind === "epoch") {
        epochs.push(progress.metrics);
        draw();
      } else if (progress.kind === "prepare") {
        line.update(`preprocessing ${progress.done}/${progress.total} scans`, progress.done / progress.total);
      } else if (progress.kind === "log") line.update(progress.message);
    },
    async end(status) {
      await drawing;
      const { bestPresenceF1, bestSeverityF1 } = epochs.at(-1) ?? {};
      const best = `best macro F1: presence ${formatScore(bestPresenceF1)}, severity ${formatScore(bestSeverityF1)}`;
      await line.finish(`${status}: ${epochs.length}${epochLimit > 0 ? ` of ${epochLimit}` : ""} epochs · ${best}`);
      await settle();
    },
  };
}
