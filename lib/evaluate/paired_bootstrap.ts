/**
 * Paired bootstrap: the difference of two scores on the same scans, resampled together, so that what both models find
 * easy or hard cancels (Efron and Tibshirani 1993, chapter 16; Koehn 2004 for scores of classifiers).
 */
import { type BootstrapOptions, bootstrapScores, type Interval, percentileInterval } from "./intervals.ts";

export interface PairedDifference extends Interval {
  /**
   * Two-sided p-value for "no difference", from the interval turned round: twice the smaller share of resamples at or
   * beyond 0, with 1 added to both counts; at least 2/(resamples + 1). NaN where the score is undefined throughout.
   */
  readonly p: number;
}

/** `statistic` is the difference (first − second) on a list of scan indices; the rest as `bootstrapInterval`. */
export function pairedBootstrap(options: BootstrapOptions): PairedDifference {
  const scores = bootstrapScores(options);
  return { ...percentileInterval(scores, options), p: twoSidedP(scores) };
}

function twoSidedP(differences: readonly number[]): number {
  if (differences.length === 0) return NaN;
  const atMost = differences.filter((d) => d <= 0).length, atLeast = differences.filter((d) => d >= 0).length;
  return Math.min(1, 2 * (1 + Math.min(atMost, atLeast)) / (differences.length + 1));
}
