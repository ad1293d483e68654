/**
 * How precise a published macro F1 is: the numbers of wrong scans that can stand behind it, and the interval that they
 * give. The predictions themselves were never published, so nothing better can be had.
 */
import { publishedCounts } from "./counts.ts";
import type { PublishedExperiment } from "./published.ts";

/** Wrong answers to a question with two answers. */
export interface ErrorCounts {
  /** Positives that were called negative. */
  readonly missed: number;
  /** Negatives that were called positive. */
  readonly falseAlarms: number;
}

export interface TwoClasses {
  readonly positives: number;
  readonly negatives: number;
}

/** Macro F1 of these errors, exactly. */
export function macroF1OfErrors({ missed, falseAlarms }: ErrorCounts, { positives, negatives }: TwoClasses): number {
  const hits = positives - missed, rejected = negatives - falseAlarms;
  const share = (right: number, all: number) => all === 0 ? 0 : 2 * right / all;
  return (share(hits, positives + hits + falseAlarms) + share(rejected, negatives + rejected + missed)) / 2;
}

/**
 * All errors of which macro F1 is `printed` after rounding to `decimals`, those with the fewest wrong scans first;
 * answers that are wrong more often than right are left out.
 */
export function errorsBehindF1(printed: number, scans: TwoClasses, decimals = 4): ErrorCounts[] {
  const { positives, negatives } = scans, half = 0.5 * 10 ** -decimals + 1e-12;
  const found: ErrorCounts[] = [];
  for (let missed = 0; missed <= positives / 2; missed++) {
    for (let falseAlarms = 0; falseAlarms <= negatives / 2; falseAlarms++) {
      const errors = { missed, falseAlarms };
      if (Math.abs(macroF1OfErrors(errors, scans) - printed) <= half) found.push(errors);
    }
  }
  return found.sort((a, b) => wrong(a) - wrong(b) || a.missed - b.missed);
}

export interface PublishedPrecision {
  /** Row of Table 3. */
  readonly id: number;
  readonly macroF1: number;
  /** Fewest and most wrong scans that give this F1. */
  readonly wrong: readonly [fewest: number, most: number];
  /** 95 % bootstrap interval with the errors spread over the classes as evenly as this F1 allows. */
  readonly interval: ErrorInterval;
}

/**
 * The presence scores of Table 3 with intervals over the 484 validation scans (215 positive, 269 negative). Rows
 * without a score are left out. The intervals hold what other scans would change, and neither another seed nor the
 * choice of the best epoch on these same scans.
 * @throws RangeError when a score cannot be reached with these scans
 */
export function publishedPresencePrecision(experiments: readonly PublishedExperiment[]): PublishedPrecision[] {
  const scans = validationScans();
  return experiments.flatMap(({ id, presenceF1 }) => {
    if (presenceF1 === null) return [];
    const behind = errorsBehindF1(presenceF1, scans);
    if (behind.length === 0) throw new RangeError(`row ${id}: no errors give a macro F1 of ${presenceF1}`);
    const unevenness = ({ missed, falseAlarms }: ErrorCounts) =>
      Math.abs(missed / scans.positives - falseAlarms / scans.negatives);
    const even = behind.toSorted((a, b) => unevenness(a) - unevenness(b))[0]!;
    const counts = behind.map(wrong);
    return [{
      id,
      macroF1: presenceF1,
      wrong: [Math.min(...counts), Math.max(...counts)],
      interval: intervalOfErrors(even, scans),
    }];
  });
}

export interface ErrorInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/**
 * The 95 % percentile interval of the bootstrap over scans with these errors, class sizes kept; exact, without drawing:
 * resampled errors of a class of n scans are binomial with n and the class's share of errors.
 */
export function intervalOfErrors(errors: ErrorCounts, scans: TwoClasses): ErrorInterval {
  const missed = binomial(scans.positives, errors.missed / scans.positives);
  const falseAlarms = binomial(scans.negatives, errors.falseAlarms / scans.negatives);
  const outcomes = missed.flatMap(({ count, probability }) =>
    falseAlarms.map((other) => ({
      f1: macroF1OfErrors({ missed: count, falseAlarms: other.count }, scans),
      probability: probability * other.probability,
    }))
  ).sort((a, b) => a.f1 - b.f1);
  const quantile = (share: number) => {
    let below = 0;
    return outcomes.find(({ probability }) => (below += probability) >= share)!.f1;
  };
  return { value: macroF1OfErrors(errors, scans), low: quantile(0.025), high: quantile(0.975), level: 0.95 };
}

/** Counts of the binomial distribution that are likelier than 10⁻¹². */
function binomial(n: number, p: number): { readonly count: number; readonly probability: number }[] {
  if (p === 0 || p === 1) return [{ count: p * n, probability: 1 }];
  let log = n * Math.log1p(-p);
  return Array.from({ length: n + 1 }, (_, count) => {
    if (count > 0) log += Math.log((n - count + 1) / count) + Math.log(p) - Math.log1p(-p);
    return { count, probability: Math.exp(log) };
  }).filter(({ probability }) => probability > 1e-12);
}

function validationScans(): TwoClasses {
  const count = (row: string) =>
    publishedCounts().find((entry) => entry.split === "validation" && entry.row === row)!.paper;
  return { positives: count("positive"), negatives: count("negative") };
}

function wrong({ missed, falseAlarms }: ErrorCounts): number {
  return missed + falseAlarms;
}
