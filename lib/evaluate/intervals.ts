/**
 * Bootstrap intervals (Efron and Tibshirani 1993, percentile method): the scans, or the patients where they are known,
 * are drawn again and again with replacement, and the middle 95 % of the recomputed scores is the interval.
 */
import { quantileSorted } from "simple-statistics";
import { randomStream } from "../random.ts";

export interface Interval {
  /** The score of the data as they are. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** e.g. 0.95. */
  readonly level: number;
  /** Resamples in which the score was defined. */
  readonly resamples: number;
}

export interface BootstrapOptions {
  /** Number of scans that are scored. */
  readonly items: number;
  /** The score of a list of item indices (with repetitions); NaN where it is undefined: such a resample is left out. */
  readonly statistic: (indices: readonly number[]) => number;
  /** Scans of one patient are drawn together: one id per item, undefined = a patient of its own. */
  readonly clusters?: readonly (string | undefined)[];
  /** Keeps the number of clusters of each stratum (e.g. class) fixed: one label per item; a cluster has its first's. */
  readonly strata?: readonly (string | number)[];
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** Default 0; the same seed gives the same interval. */
  readonly seed?: number;
}

/** Percentile bootstrap interval of any score. Bounds are NaN when the score is undefined in every resample. */
export function bootstrapInterval(options: BootstrapOptions): Interval {
  return percentileInterval(bootstrapScores(options), options);
}

/** The recomputed scores, ascending; undefined ones (NaN) are left out. */
export function bootstrapScores(options: BootstrapOptions): number[] {
  const { items, statistic, clusters, strata, resamples = 2000, seed = 0 } = options;
  const pools = stratify(groupByCluster(allItems(items), clusters), strata);
  const random = randomStream(seed, "bootstrap");
  const scores: number[] = [];
  for (let draw = 0; draw < resamples; draw++) {
    const sample = pools.flatMap((pool) => pool.flatMap(() => random.pick(pool)));
    const score = statistic(sample);
    if (!Number.isNaN(score)) scores.push(score);
  }
  return scores.sort((a, b) => a - b);
}

/** The middle of sorted scores, with the score of the data as they are. */
export function percentileInterval(
  scores: readonly number[],
  { items, statistic, level = 0.95 }: Pick<BootstrapOptions, "items" | "statistic" | "level">,
): Interval {
  const tail = (1 - level) / 2, none = scores.length === 0;
  return {
    value: statistic(allItems(items)),
    low: none ? NaN : quantileSorted([...scores], tail),
    high: none ? NaN : quantileSorted([...scores], 1 - tail),
    level,
    resamples: scores.length,
  };
}

function allItems(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Items of one cluster side by side; an item without a cluster stands alone. */
function groupByCluster(items: readonly number[], clusters: BootstrapOptions["clusters"]): number[][] {
  const groups = new Map<string | number, number[]>();
  for (const item of items) {
    const key = clusters?.[item] ?? item;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function stratify(groups: readonly number[][], strata: BootstrapOptions["strata"]): number[][][] {
  const pools = new Map<string | number, number[][]>();
  for (const group of groups) {
    const key = strata?.[group[0]!] ?? "all";
    const pool = pools.get(key);
    if (pool === undefined) pools.set(key, [group]);
    else pool.push(group);
  }
  return [...pools.values()];
}
