/**
 * DeLong's variance of the area under the ROC curve and test of two areas on the same scans (DeLong, DeLong and
 * Clarke-Pearson 1988), by mid-ranks in O(n log n) (Sun and Xu 2014). Scans are taken as independent: where patients
 * have several scans, the bootstrap over patients is the one to trust.
 */
import { normalQuantile, twoSidedNormal } from "./distributions.ts";
import { mean } from "./mean.ts";

export interface DeLongInterval {
  readonly value: number;
  /** Of the area; NaN with fewer than two positives or negatives. 0 where the classes are separated perfectly. */
  readonly variance: number;
  /** value ± z·√variance, cut to [0, 1]. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

export interface DeLongTest {
  readonly first: number;
  readonly second: number;
  /** first − second. */
  readonly difference: number;
  readonly variance: number;
  /** difference ± z·√variance. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** difference/√variance; NaN where the variance is 0 or undefined. */
  readonly z: number;
  /** Two-sided. 1 where both models order the scans alike. */
  readonly p: number;
}

/** Area under the ROC curve with its interval. `level` e.g. 0.95. */
export function delongInterval(truth: readonly boolean[], scores: readonly number[], level = 0.95): DeLongInterval {
  const { areas, covariance } = delongCovariance(truth, [scores]);
  const value = areas[0]!, variance = covariance[0]![0]!;
  const margin = normalQuantile((1 + level) / 2) * Math.sqrt(variance);
  return { value, variance, low: clip(value - margin), high: clip(value + margin), level };
}

/** Whether two models' areas on the same scans differ. */
export function delongTest(
  truth: readonly boolean[],
  first: readonly number[],
  second: readonly number[],
  level = 0.95,
): DeLongTest {
  const { areas, covariance } = delongCovariance(truth, [first, second]);
  const [a, b] = areas as [number, number];
  // Rounding can leave a variance of 0 at ±1e-18.
  const spread = covariance[0]![0]! + covariance[1]![1]! - 2 * covariance[0]![1]!;
  const variance = Math.abs(spread) < 1e-15 ? 0 : spread;
  const difference = a - b, deviation = Math.sqrt(variance);
  const margin = normalQuantile((1 + level) / 2) * deviation;
  const z = variance === 0 ? NaN : difference / deviation;
  return {
    first: a,
    second: b,
    difference,
    variance,
    low: difference - margin,
    high: difference + margin,
    level,
    z,
    p: variance === 0 && difference === 0 ? 1 : twoSidedNormal(z),
  };
}

/** Areas of several models on the same scans, and the covariance matrix of the areas. @throws RangeError on lengths */
export function delongCovariance(
  truth: readonly boolean[],
  models: readonly (readonly number[])[],
): { readonly areas: readonly number[]; readonly covariance: readonly (readonly number[])[] } {
  for (const scores of models) {
    if (scores.length !== truth.length) throw new RangeError(`DeLong: ${truth.length} labels, ${scores.length} scores`);
  }
  const placed = models.map((scores) => placements(truth, scores));
  const covariance = placed.map((a) =>
    placed.map((b) =>
      sampleCovariance(a.positives, b.positives) / a.positives.length +
      sampleCovariance(a.negatives, b.negatives) / a.negatives.length
    )
  );
  return { areas: placed.map(({ positives }) => mean(positives)), covariance };
}

/**
 * For each positive the share of negatives below it, for each negative the share of positives above it; ties count one
 * half. From mid-ranks among all scans less mid-ranks within the class (Sun and Xu's identity).
 */
function placements(truth: readonly boolean[], scores: readonly number[]) {
  const of = (wanted: boolean) => scores.filter((_, i) => truth[i] === wanted);
  const all = midRanks(scores), positive = midRanks(of(true)), negative = midRanks(of(false));
  const rankOf = (wanted: boolean) => all.filter((_, i) => truth[i] === wanted);
  return {
    positives: rankOf(true).map((rank, i) => (rank - positive[i]!) / negative.length),
    negatives: rankOf(false).map((rank, i) => 1 - (rank - negative[i]!) / positive.length),
  };
}

/** Ranks from 1; equal values share the mean of theirs. */
function midRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** With n − 1; NaN for fewer than two values. */
function sampleCovariance(a: readonly number[], b: readonly number[]): number {
  const meanA = mean(a), meanB = mean(b);
  return a.reduce((sum, value, i) => sum + (value - meanA) * (b[i]! - meanB), 0) / (a.length < 2 ? NaN : a.length - 1);
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}
