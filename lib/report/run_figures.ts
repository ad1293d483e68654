/** The figures of one evaluated run, from its folder and its evaluation. */
import { type Dataset, severities } from "../data/types.ts";
import type { EvaluationResult } from "../evaluate/evaluate.ts";
import { presenceLabels } from "../evaluate/scores.ts";
import type { Run } from "../train/run.ts";
import type { Figure } from "./figure.ts";
import { confusionFigure, type ConfusionPanel } from "./figures/confusion.ts";
import { depthHistogram } from "./figures/depth_histogram.ts";
import { rocFigure } from "./figures/roc.ts";
import { type EpochPoint, trainingCurves } from "./figures/training_curves.ts";
import { gallery } from "./gallery.ts";

export interface RunFigures {
  readonly depth: Figure;
  readonly montage?: Figure;
  readonly training?: Figure;
  readonly confusion?: Figure;
  readonly roc?: Figure;
}

export interface RunFiguresOptions {
  readonly run: Run;
  readonly dataset: Dataset;
  readonly evaluation: EvaluationResult;
}

/** A figure that has nothing to show (an untrained task, a run without epochs) is left out. */
export async function runFigures({ run, dataset, evaluation }: RunFiguresOptions): Promise<RunFigures> {
  const { presence, severity, truth, predictions } = evaluation;
  const panels: ConfusionPanel[] = [
    ...(presence === null ? [] : [{ heading: "Presence", labels: presenceLabels, matrix: presence.confusion }]),
    ...(severity === null ? [] : [{ heading: "Severity", labels: severities, matrix: severity.confusion }]),
  ];
  const drawable = predictions.some(({ skippedSlices }) => skippedSlices.length === 0);
  return {
    depth: depthHistogram({ scans: dataset.scans }),
    ...(drawable ? { montage: await gallery({ scans: truth, predictions, root: dataset.root }) } : {}),
    ...(run.epochs.length === 0 ? {} : { training: trainingCurves({ epochs: epochPoints(run) }) }),
    ...(panels.length === 0 ? {} : { confusion: confusionFigure({ panels }) }),
    ...(presence === null || presence.roc.length === 0
      ? {}
      : { roc: rocFigure({ curve: presence.roc, auc: presence.auc }) }),
  };
}

/** A run's metrics as the curves show them; epochs count from 1. */
export function epochPoints({ epochs, steps }: Pick<Run, "epochs" | "steps">): EpochPoint[] {
  return epochs.map(({ epoch, trainLoss, validationLoss, presence, severity }) => ({
    epoch: epoch + 1,
    trainLoss,
    validationLoss,
    learningRate: steps.findLast((step) => step.epoch === epoch)?.learningRate ?? 0,
    presenceF1: presence?.macroF1 ?? null,
    severityF1: severity?.macroF1 ?? null,
  }));
}
