/** The figures of one evaluated run, from its folder and its evaluation. */
import { type Dataset, severities } from "../data/types.ts";
import type { EvaluationResult } from "../evaluate/evaluate.ts";
import { presencePairs, severityPairs } from "../evaluate/labelled.ts";
import { thresholdCurve } from "../evaluate/thresholds.ts";
import type { Run } from "../train/run.ts";
import type { Figure } from "./figure.ts";
import { confusionFigure } from "./figures/confusion.ts";
import { depthHistogram } from "./figures/depth_histogram.ts";
import { reliabilityFigure } from "./figures/reliability.ts";
import { rocFigure } from "./figures/roc.ts";
import { severityRoc } from "./figures/severity_roc.ts";
import { thresholdCurves } from "./figures/threshold_curves.ts";
import { type EpochPoint, trainingCurves } from "./figures/training_curves.ts";
import { uncertaintyFigure } from "./figures/uncertainty.ts";
import { gallery } from "./gallery.ts";
import { confusionPanels, reliabilityPanels } from "./score_panels.ts";

export interface RunFigures {
  readonly depth: Figure;
  readonly montage?: Figure;
  readonly training?: Figure;
  readonly confusion?: Figure;
  readonly roc?: Figure;
  readonly thresholds?: Figure;
  readonly severityRoc?: Figure;
  readonly reliability?: Figure;
  /** Only of an evaluation with Monte-Carlo dropout. */
  readonly uncertainty?: Figure;
}

export interface RunFiguresOptions {
  readonly run: Run;
  readonly dataset: Dataset;
  readonly evaluation: EvaluationResult;
}

/** A figure that has nothing to show (an untrained task, a run without epochs) is left out. */
export async function runFigures({ run, dataset, evaluation }: RunFiguresOptions): Promise<RunFigures> {
  const { presence, truth, predictions } = evaluation;
  const panels = confusionPanels(evaluation), reliability = reliabilityPanels(evaluation);
  const sampled = predictions.some(({ uncertainty }) => uncertainty?.presence);
  const drawable = predictions.some(({ skippedSlices }) => skippedSlices.length === 0);
  return {
    depth: depthHistogram({ scans: dataset.scans }),
    ...(drawable ? { montage: await gallery({ scans: truth, predictions, root: dataset.root }) } : {}),
    ...(run.epochs.length === 0 ? {} : { training: trainingCurves({ epochs: epochPoints(run) }) }),
    ...(panels.length === 0 ? {} : { confusion: confusionFigure({ panels }) }),
    ...(presence === null || presence.roc.length === 0
      ? {}
      : { roc: rocFigure({ curve: presence.roc, auc: presence.auc }), thresholds: thresholdsOf(evaluation) }),
    ...severityRocOf(evaluation),
    ...(reliability.length === 0 ? {} : { reliability: reliabilityFigure({ panels: reliability }) }),
    ...(sampled ? { uncertainty: uncertaintyFigure({ predictions, truth }) } : {}),
  };
}

function thresholdsOf({ predictions, truth, threshold }: EvaluationResult): Figure {
  const pairs = presencePairs(predictions, truth);
  const probabilities = pairs.map(({ probability }) => probability);
  const curve = thresholdCurve(pairs.map(({ truth }) => truth === 1), probabilities);
  return thresholdCurves({ curve, probabilities, used: threshold?.value ?? 0.5 });
}

/** Left out where no grade can be told from the others: none or one is there, or there are no probabilities. */
function severityRocOf({ predictions, truth }: EvaluationResult): Pick<RunFigures, "severityRoc"> {
  const pairs = severityPairs(predictions, truth);
  const probabilities = pairs.flatMap((pair) => pair.probabilities ? [pair.probabilities] : []);
  const grades = pairs.map((pair) => pair.truth);
  if (probabilities.length < pairs.length || new Set(grades).size < 2) return {};
  return { severityRoc: severityRoc({ truth: grades, probabilities, labels: severities }) };
}

/** A run's metrics as the curves show them; epochs count from 1. */
export function epochPoints({ epochs, steps }: Pick<Run, "epochs" | "steps">): EpochPoint[] {
  return epochs.map(({ epoch, trainLoss, validationLoss, presence, severity }) => ({
    epoch: epoch + 1,
    trainLoss,
    validationLoss,
    learningRate: steps.findLast((step) => step.epoch === epoch)?.learningRate ?? null,
    presenceF1: presence?.macroF1 ?? null,
    severityF1: severity?.macroF1 ?? null,
  }));
}
