/**
 * The numbers of a row: macro F1 of each seed, their mean and standard deviation, a bootstrap interval of the mean, and
 * the paired difference from another row. The bootstrap draws patients (scans where patients are not known), the same
 * ones for every seed and for both rows of a comparison: the interval says how the result would vary with other scans,
 * the standard deviation how it varies with the seed.
 */
import { mean, sampleStandardDeviation } from "simple-statistics";
import { bootstrapInterval, type Interval } from "../evaluate/intervals.ts";
import { pairedBootstrap, type PairedDifference } from "../evaluate/paired_bootstrap.ts";
import { type AlignedSeeds, type Answers, macroF1 } from "./scored_runs.ts";

export interface SeedStatistics {
  /** Macro F1 by seed. */
  readonly values: readonly number[];
  readonly mean: number;
  /** Of the sample (n − 1); null for one seed. */
  readonly standardDeviation: number | null;
}

export function seedStatistics(values: readonly number[]): SeedStatistics {
  return {
    values,
    mean: mean([...values]),
    standardDeviation: values.length < 2 ? null : sampleStandardDeviation([...values]),
  };
}

export interface BootstrapPlan {
  readonly resamples: number;
}

/** Percentile interval of the mean macro F1 over the seeds; the numbers of scans of each true class are kept. */
export function meanInterval(aligned: AlignedSeeds, { resamples }: BootstrapPlan): Interval {
  return bootstrapInterval({
    ...sampling(aligned),
    resamples,
    statistic: (indices) => meanF1(aligned.seeds, indices),
  });
}

/** Mean macro F1 of one row's seeds minus that of another's; undefined where they were not scored on the same scans. */
export function pairedDifference(
  row: AlignedSeeds,
  base: AlignedSeeds,
  { resamples }: BootstrapPlan,
): PairedDifference | undefined {
  if (!haveSameScans(row, base)) return undefined;
  return pairedBootstrap({
    ...sampling(row),
    resamples,
    statistic: (indices) => meanF1(row.seeds, indices) - meanF1(base.seeds, indices),
  });
}

function haveSameScans(a: AlignedSeeds, b: AlignedSeeds): boolean {
  return a.keys.length === b.keys.length &&
    a.keys.every((key, i) => key === b.keys[i] && a.seeds[0]![i]!.truth === b.seeds[0]![i]!.truth);
}

function meanF1(seeds: readonly Answers[], indices: readonly number[]): number {
  return mean(seeds.map((answers) => macroF1(answers, indices)));
}

function sampling({ keys, patients, seeds }: AlignedSeeds) {
  return {
    items: keys.length,
    clusters: patients,
    strata: seeds[0]!.map(({ truth }) => truth),
  };
}
