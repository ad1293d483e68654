/**
 * What changes between rows of the published Table 3 that differ in one factor. Each row is one training run with one
 * seed, so a difference of two rows holds the effect, the chance of both runs, and the choice of their best epoch on
 * the scans that they are scored on. Pairs share rows: they are not independent.
 */
import type { PublishedExperiment } from "./published.ts";
import type { VolumeSize } from "./types.ts";

/** The sizes of Table 3. */
export const tableSizes: readonly VolumeSize[] = [
  { depth: 64, height: 128, width: 128 },
  { depth: 128, height: 256, width: 256 },
  { depth: 160, height: 320, width: 320 },
];

export const effectFactors = ["size", "λ", "ε1", "ε2", "reflection", "epochs"] as const;
export type EffectFactor = typeof effectFactors[number];
export type EffectTask = "presence" | "severity";

export interface MatchedPair {
  /** Rows of the table. */
  readonly from: number;
  readonly to: number;
  /** Macro F1 of the second minus that of the first; null where one of them has none. */
  readonly difference: Readonly<Record<EffectTask, number | null>>;
}

/** All pairs in which one factor goes from one value to another, and nothing else changes. */
export interface Contrast {
  readonly factor: EffectFactor;
  readonly from: string;
  readonly to: string;
  readonly pairs: readonly MatchedPair[];
}

/** A factor's value as text, and what orders it; null = it does nothing in this row, so any value matches. */
interface Level {
  readonly text: string;
  readonly order: number;
}

const level = (order: number): Level => ({ text: String(order), order });

/** With λ = 0 the severity loss is not computed, so its smoothing is without effect; with λ = 1 that of presence. */
const levels: Readonly<Record<EffectFactor, (row: PublishedExperiment) => Level | null>> = {
  "size": ({ size: { depth, height, width } }) => ({ text: `${depth}×${height}×${width}`, order: depth }),
  "λ": ({ severityFactor }) => level(severityFactor),
  "ε1": ({ severityFactor, presenceSmoothing }) => severityFactor === 1 ? null : level(presenceSmoothing),
  "ε2": ({ severityFactor, severitySmoothing }) => severityFactor === 0 ? null : level(severitySmoothing),
  "reflection": ({ reflection }) => ({ text: reflection ? "yes" : "no", order: reflection ? 1 : 0 }),
  "epochs": ({ epochs }) => level(epochs),
};

/** Contrasts in the order of `effectFactors`, then of their values. */
export function matchedContrasts(rows: readonly PublishedExperiment[]): Contrast[] {
  const found = rows.flatMap((a, i) => rows.slice(i + 1).flatMap((b) => onlyDifference(a, b)));
  const names = new Map<string, typeof found>();
  for (const one of found) {
    const key = `${effectFactors.indexOf(one.factor)} ${one.from.order} ${one.to.order}`;
    names.set(key, [...(names.get(key) ?? []), one]);
  }
  const contrasts = [...names.values()].map((pairs) => ({ ...pairs[0]!, pairs: pairs.map(({ pair }) => pair) }));
  return contrasts
    .sort((a, b) =>
      effectFactors.indexOf(a.factor) - effectFactors.indexOf(b.factor) || a.from.order - b.from.order ||
      a.to.order - b.to.order
    )
    .map(({ factor, from, to, pairs }) => ({ factor, from: from.text, to: to.text, pairs }));
}

function onlyDifference(a: PublishedExperiment, b: PublishedExperiment) {
  const changed = effectFactors.flatMap((factor) => {
    const first = levels[factor](a), second = levels[factor](b);
    return first === null || second === null || first.order === second.order ? [] : [{ factor, first, second }];
  });
  if (changed.length !== 1) return [];
  const { factor, first, second } = changed[0]!;
  const up = first.order < second.order;
  const [low, high] = up ? [a, b] : [b, a];
  const difference = (task: EffectTask) => {
    const key = task === "presence" ? "presenceF1" : "severityF1";
    return low[key] === null || high[key] === null ? null : high[key] - low[key];
  };
  const pair: MatchedPair = {
    from: low.id,
    to: high.id,
    difference: { presence: difference("presence"), severity: difference("severity") },
  };
  return [{ factor, from: up ? first : second, to: up ? second : first, pair }];
}

export interface ContrastSummary {
  readonly pairs: number;
  readonly mean: number;
  readonly least: number;
  readonly largest: number;
  /** Pairs whose F1 rises. */
  readonly up: number;
  /** Exact two-sided sign test of the pairs that differ; null where none does. With n pairs at least 2^(1 − n). */
  readonly signTest: number | null;
}

/** Null where no pair has a score of this task. */
export function summarizeContrast({ pairs }: Contrast, task: EffectTask): ContrastSummary | null {
  const values = pairs.flatMap(({ difference }) => difference[task] ?? []);
  if (values.length === 0) return null;
  const up = values.filter((value) => value > 0).length, down = values.filter((value) => value < 0).length;
  return {
    pairs: values.length,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    least: Math.min(...values),
    largest: Math.max(...values),
    up,
    signTest: up + down === 0 ? null : signTest(up, down),
  };
}

/** Probability of a split at least this uneven when up and down are equally likely. */
export function signTest(up: number, down: number): number {
  const n = up + down, extreme = Math.max(up, down);
  let tail = 0, ways = 1; // ways = C(n, k)
  for (let k = 0; k <= n; k++) {
    if (k >= extreme) tail += ways;
    ways = ways * (n - k) / (k + 1);
  }
  return Math.min(1, 2 * tail / 2 ** n);
}
