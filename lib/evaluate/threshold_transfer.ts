/** What a threshold that is chosen on one set of scans does on another: the only fair way to report its gain. */
import { presencePairs } from "./labelled.ts";
import type { Prediction, Truth } from "./prediction.ts";
import { bestThreshold, type ThresholdCriterion, thresholdCurve, thresholdPoint } from "./thresholds.ts";

/** Predictions beside their truth, e.g. an `EvaluationResult`. */
export interface LabelledPredictions {
  readonly predictions: readonly Prediction[];
  readonly truth: readonly Truth[];
}

export interface ThresholdTransfer {
  /** The best threshold of the first set. */
  readonly threshold: number;
  /** The criterion at 0.5 and at the threshold, on the scans that it was chosen on … */
  readonly chosenOn: ThresholdGain;
  /** … and on others: only this gain may be claimed. */
  readonly appliedTo: ThresholdGain;
}

export interface ThresholdGain {
  readonly scans: number;
  readonly atHalf: number;
  readonly atThreshold: number;
}

/**
 * Chooses the threshold with the largest `criterion` (default macro F1) on one set and applies it to another.
 * @throws RangeError when a set has no scan with a known presence
 */
export function thresholdTransfer(
  chosenOn: LabelledPredictions,
  appliedTo: LabelledPredictions,
  criterion: ThresholdCriterion = "macroF1",
): ThresholdTransfer {
  const first = pairsOf(chosenOn), second = pairsOf(appliedTo);
  const threshold = bestThreshold(thresholdCurve(first.truth, first.probabilities), criterion)?.threshold ?? 0.5;
  const gain = ({ truth, probabilities }: Pairs): ThresholdGain => ({
    scans: truth.length,
    atHalf: thresholdPoint(truth, probabilities, 0.5)[criterion],
    atThreshold: thresholdPoint(truth, probabilities, threshold)[criterion],
  });
  return { threshold, chosenOn: gain(first), appliedTo: gain(second) };
}

/** Two halves of one set, every second scan of each true class: for datasets with one labelled split. */
export function labelledHalves(
  { predictions, truth }: LabelledPredictions,
): [LabelledPredictions, LabelledPredictions] {
  const places = new Map<string, number>();
  const side = truth.map(({ presence, severity }) => {
    const kind = `${presence}/${severity}`, place = places.get(kind) ?? 0;
    places.set(kind, place + 1);
    return place % 2;
  });
  const half = (wanted: number) => ({
    predictions: predictions.filter((_, i) => side[i] === wanted),
    truth: truth.filter((_, i) => side[i] === wanted),
  });
  return [half(0), half(1)];
}

interface Pairs {
  readonly truth: readonly boolean[];
  readonly probabilities: readonly number[];
}

function pairsOf({ predictions, truth }: LabelledPredictions): Pairs {
  const pairs = presencePairs(predictions, truth);
  if (pairs.length === 0) throw new RangeError("thresholdTransfer: no scan with a known presence");
  return { truth: pairs.map((pair) => pair.truth === 1), probabilities: pairs.map(({ probability }) => probability) };
}
