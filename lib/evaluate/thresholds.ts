/** What the presence decision would be at other thresholds than 0.5, and which of them was best on one set of scans. */

export interface ThresholdPoint {
  /** A scan is called positive when its probability ≥ threshold. */
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
  /** Recall of the positives; NaN without positives. */
  readonly sensitivity: number;
  /** Recall of the negatives; NaN without negatives. */
  readonly specificity: number;
  /** Share of the called positives that are positive; 0 when none is called. */
  readonly precision: number;
  /** F1 of the positive class. */
  readonly f1: number;
  /** Mean F1 of the classes that occur in truth or decisions, as `classificationScores`. */
  readonly macroF1: number;
  readonly accuracy: number;
  /** Youden's J = sensitivity + specificity − 1. */
  readonly youden: number;
}

export const thresholdCriteria = ["macroF1", "youden", "f1", "accuracy"] as const;
export type ThresholdCriterion = typeof thresholdCriteria[number];

/**
 * One point per decision that differs: thresholds 0, then half-way between neighbouring probabilities and between the
 * largest and 1, and 0.5 as it is. Ascending; empty without scans.
 */
export function thresholdCurve(truth: readonly boolean[], probabilities: readonly number[]): ThresholdPoint[] {
  if (truth.length !== probabilities.length) {
    throw new RangeError(`thresholdCurve: ${truth.length} labels against ${probabilities.length} probabilities`);
  }
  if (truth.length === 0) return [];
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[a]! - probabilities[b]!);
  const sorted = order.map((i) => probabilities[i]!);
  const positives = truth.filter(Boolean).length, negatives = truth.length - positives;
  let below = 0, missed = 0; // scans under the threshold, and the positives among them
  return candidates(sorted).map((threshold) => {
    for (; below < sorted.length && sorted[below]! < threshold; below++) missed += Number(truth[order[below]!]);
    return pointAt(threshold, { missed, rejected: below - missed, positives, negatives });
  });
}

/** The scores of one threshold. */
export function thresholdPoint(
  truth: readonly boolean[],
  probabilities: readonly number[],
  threshold: number,
): ThresholdPoint {
  const positives = truth.filter(Boolean).length;
  const under = probabilities.map((p) => p < threshold);
  const missed = under.filter((is, i) => is && truth[i]).length;
  const rejected = under.filter(Boolean).length - missed;
  return pointAt(threshold, { missed, rejected, positives, negatives: truth.length - positives });
}

/** The point with the largest value; of equals the one nearest to 0.5. Undefined when it is NaN everywhere. */
export function bestThreshold(
  curve: readonly ThresholdPoint[],
  criterion: ThresholdCriterion = "macroF1",
): ThresholdPoint | undefined {
  const off = ({ threshold }: ThresholdPoint) => Math.abs(threshold - 0.5);
  return curve.filter((point) => !Number.isNaN(point[criterion])).toSorted((a, b) =>
    b[criterion] - a[criterion] || off(a) - off(b)
  )[0];
}

/** Ascending, distinct. */
function candidates(sorted: readonly number[]): number[] {
  const distinct = [...new Set(sorted)];
  const between = distinct.slice(1).map((value, i) => {
    const half = (distinct[i]! + value) / 2;
    return half > distinct[i]! ? half : value; // neighbours in floating point have nothing between them
  });
  const top = distinct.at(-1)!, above = top < 1 ? [(top + 1) / 2] : []; // nothing is positive
  return [...new Set([0, 0.5, ...between, ...above])].sort((a, b) => a - b);
}

interface Counts {
  readonly positives: number;
  readonly negatives: number;
  /** Positives and negatives under the threshold. */
  readonly missed: number;
  readonly rejected: number;
}

function pointAt(threshold: number, { positives, negatives, missed, rejected }: Counts): ThresholdPoint {
  const hits = positives - missed, alarms = negatives - rejected;
  const sensitivity = hits / positives, specificity = rejected / negatives;
  const f1 = share(2 * hits, positives + hits + alarms),
    negativeF1 = share(2 * rejected, negatives + rejected + missed);
  // A class that occurs neither in the truth nor in the decisions does not count.
  const classes = [
    ...(positives + hits + alarms > 0 ? [f1] : []),
    ...(negatives + rejected + missed > 0 ? [negativeF1] : []),
  ];
  return {
    threshold,
    truePositives: hits,
    falsePositives: alarms,
    falseNegatives: missed,
    trueNegatives: rejected,
    sensitivity,
    specificity,
    precision: share(hits, hits + alarms),
    f1,
    macroF1: classes.reduce((sum, value) => sum + value, 0) / classes.length,
    accuracy: (hits + rejected) / (positives + negatives),
    youden: sensitivity + specificity - 1,
  };
}

function share(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
