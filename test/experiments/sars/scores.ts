/** Pooled out-of-fold scores with intervals over patients. */
import { auc } from "../../../lib/evaluate/auc.ts";
import { bootstrapInterval, type Interval } from "../../../lib/evaluate/intervals.ts";
import { classificationScores } from "../../../lib/evaluate/metrics.ts";
import type { FoldPredictions } from "./predictions.ts";
import type { FoldScan } from "./scans.ts";

export interface PooledScores {
  readonly model: string;
  /** Predictions pooled: scans × seeds. */
  readonly predictions: number;
  readonly macroF1: Interval;
  readonly accuracy: Interval;
  readonly auc: Interval;
  /** Macro F1 of each seed's predictions over all folds, in the order of the seeds. */
  readonly macroF1PerSeed: readonly number[];
  /** Wall time of all trainings, where there were any. */
  readonly trainSeconds?: number;
}

interface Scored {
  readonly scan: string;
  readonly truth: boolean;
  readonly probability: number;
  readonly patient: string;
  readonly seed: number;
}

export function poolScores(
  model: string,
  scans: readonly FoldScan[],
  runs: readonly FoldPredictions[],
): PooledScores {
  const scored = join(scans, runs);
  const seeds = [...new Set(scored.map(({ seed }) => seed))].sort((a, b) => a - b);
  const seconds = runs.reduce((sum, run) => sum + run.trainSeconds, 0);
  return {
    model,
    predictions: scored.length,
    macroF1: interval(scored, macroF1),
    accuracy: interval(scored, (some) => some.filter((one) => one.truth === isPositive(one)).length / some.length),
    auc: interval(scored, (some) => auc(some.map((one) => one.truth), some.map((one) => one.probability))),
    macroF1PerSeed: seeds.map((seed) => macroF1(scored.filter((one) => one.seed === seed))),
    ...(seconds > 0 ? { trainSeconds: seconds } : {}),
  };
}

/** Difference of pooled macro F1, first minus second, over the same resampled patients. */
export function pairedDifference(
  scans: readonly FoldScan[],
  first: readonly FoldPredictions[],
  second: readonly FoldPredictions[],
): Interval {
  const [a, b] = [join(scans, first), join(scans, second)];
  return bootstrapInterval({
    items: a.length,
    clusters: a.map(({ patient }) => patient),
    statistic: (indices) => macroF1(indices.map((i) => a[i]!)) - macroF1(indices.map((i) => b[i]!)),
    seed: 1,
  });
}

function join(scans: readonly FoldScan[], runs: readonly FoldPredictions[]): Scored[] {
  const byId = new Map(scans.map((scan) => [scan.id, scan]));
  const scored = runs.flatMap(({ seed, predictions }) =>
    predictions.map(({ scan, probability }) => {
      const { presence, patient } = byId.get(scan)!;
      return { scan, truth: presence, patient, probability, seed };
    })
  );
  // One order for all models, so that paired resamples compare like with like.
  return scored.sort((a, b) => a.seed - b.seed || (a.scan < b.scan ? -1 : 1));
}

function interval(scored: readonly Scored[], statistic: (some: readonly Scored[]) => number): Interval {
  return bootstrapInterval({
    items: scored.length,
    clusters: scored.map(({ patient }) => patient),
    statistic: (indices) => statistic(indices.map((i) => scored[i]!)),
    seed: 1,
  });
}

const isPositive = ({ probability }: Scored) => probability >= 0.5;

function macroF1(scored: readonly Scored[]): number {
  return classificationScores(scored.map(({ truth }) => Number(truth)), scored.map((one) => Number(isPositive(one))))
    .macroF1;
}
