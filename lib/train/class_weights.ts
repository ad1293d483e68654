/** Class weights from the data at hand: the w of eqs. (2), (4) and (5). */
import { ConfigError } from "../errors.ts";
import type { SeverityHeadName } from "./severity_heads.ts";
import { groupOf, type Label, type SeverityGroup, severityGroups } from "./targets.ts";

/** Number of scans in each of the six groups. */
export type GroupCounts = Readonly<Record<SeverityGroup, number>>;

export interface PresenceWeights {
  /** n_negative / n_positive, the original code's `pos_weight`: multiplies the y·log p term only. */
  readonly positiveTerm: number;
  /** N / (2·n_c), the paper's per-item w_i. */
  readonly item: { readonly positive: number; readonly negative: number };
}

/** w_g = (total/6) / n_g. */
export type SeverityWeights = Readonly<Record<SeverityGroup, number>>;

export interface ClassWeights {
  readonly presence: PresenceWeights;
  readonly severity: SeverityWeights;
}

export function countGroups(labels: Iterable<Label>): GroupCounts {
  const counts = Object.fromEntries(severityGroups.map((group) => [group, 0])) as Record<SeverityGroup, number>;
  for (const label of labels) counts[groupOf(label)]++;
  return counts;
}

/** @throws ConfigError when a class is empty: presence cannot be learnt from one class */
export function presenceWeights(counts: GroupCounts): PresenceWeights {
  const total = totalOf(counts);
  const negative = counts.negative;
  const positive = total - negative;
  if (positive === 0 || negative === 0) {
    throw new ConfigError("weights.one_class", "presence cannot be learnt from one class", {
      expected: "positive and negative scans",
      found: `${positive} positive, ${negative} negative`,
    });
  }
  return {
    positiveTerm: negative / positive,
    item: { positive: total / (2 * positive), negative: total / (2 * negative) },
  };
}

/**
 * A group without scans has the weight of a group with one: it is not in the training data, but a validation loss
 * may meet it. `total` and `counts` of the 2022 code were constants: 2292 scans, 924 of them "positive".
 */
export function severityWeights(counts: GroupCounts, total: number = totalOf(counts)): SeverityWeights {
  const share = total / severityGroups.length;
  return Object.fromEntries(
    severityGroups.map((group) => [group, share / Math.max(1, counts[group])]),
  ) as Record<SeverityGroup, number>;
}

/**
 * Where the severity weights come from. "counted": the training labels. "code2022": as the 2022 program, constants for
 * 2292 scans in the five-class head and no weights in its other heads. "none": all 1, as in the 2023 program.
 */
export const severityWeightRules = ["counted", "code2022", "none"] as const;
export type SeverityWeightRule = typeof severityWeightRules[number];

/** What the 2022 program had instead of counts: 300 positives without annotation more than the dataset has. */
const countsOf2022: GroupCounts = { mild: 85, moderate: 62, severe: 85, critical: 26, negative: 1110, positive: 924 };

/** w_g by the rule; `counts` are those of the training labels. */
export function severityWeightsBy(
  rule: SeverityWeightRule,
  head: SeverityHeadName,
  counts: GroupCounts,
): SeverityWeights {
  if (rule === "counted") return severityWeights(counts);
  if (rule === "code2022" && head === "five-class") return severityWeights(countsOf2022);
  return Object.fromEntries(severityGroups.map((group) => [group, 1])) as Record<SeverityGroup, number>;
}

export interface ClassWeightOptions {
  /** Default "five-class". */
  readonly severityHead?: SeverityHeadName;
  /** Default "counted". Presence is counted in every rule, as in the 2022 program. */
  readonly severityWeights?: SeverityWeightRule;
}

/** Weights for training on `labels`; with λ = 1 one presence class may be missing, its weights are then all 1. */
export function classWeights(
  labels: Iterable<Label>,
  severityFactor: number,
  { severityHead = "five-class", severityWeights: rule = "counted" }: ClassWeightOptions = {},
): ClassWeights {
  const counts = countGroups(labels);
  if (totalOf(counts) === 0) throw new ConfigError("weights.no_scans", "there are no training scans");
  const unused: PresenceWeights = { positiveTerm: 1, item: { positive: 1, negative: 1 } };
  return {
    presence: severityFactor === 1 ? unused : presenceWeights(counts),
    severity: severityWeightsBy(rule, severityHead, counts),
  };
}

function totalOf(counts: GroupCounts): number {
  return severityGroups.reduce((sum, group) => sum + counts[group], 0);
}
