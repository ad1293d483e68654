/** Receiver operating characteristic and the area under it. Higher scores mean "more likely positive". */

export interface RocPoint {
  /** A scan is called positive when its score ≥ threshold; Infinity at the first point. */
  readonly threshold: number;
  /** 1 − specificity. */
  readonly falsePositiveRate: number;
  readonly sensitivity: number;
}

/**
 * Area under the ROC curve by ranks (Mann-Whitney): the chance that a random positive scores above a random negative,
 * ties counting one half. NaN when one of the classes is missing.
 */
export function auc(truth: readonly boolean[], scores: readonly number[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0, rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    const midRank = (start + 1 + end) / 2; // ranks start+1 … end share their mean
    for (let i = start; i < end; i++) {
      if (!truth[order[i]!]) continue;
      positives++;
      rankSum += midRank;
    }
    start = end;
  }
  const negatives = truth.length - positives;
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

/** One point per distinct score, from (0, 0) to (1, 1). Empty when one of the classes is missing. */
export function rocCurve(truth: readonly boolean[], scores: readonly number[]): RocPoint[] {
  const positives = truth.filter(Boolean).length, negatives = truth.length - positives;
  if (positives === 0 || negatives === 0) return [];
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const curve: RocPoint[] = [{ threshold: Infinity, falsePositiveRate: 0, sensitivity: 0 }];
  let hits = 0, falseAlarms = 0;
  order.forEach((scan, i) => {
    if (truth[scan]) hits++;
    else falseAlarms++;
    if (scores[order[i + 1] ?? -1] === scores[scan]) return; // ties move together
    curve.push({
      threshold: scores[scan]!,
      falsePositiveRate: falseAlarms / negatives,
      sensitivity: hits / positives,
    });
  });
  return curve;
}
