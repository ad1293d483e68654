/** The ensemble's arithmetic (the paper's section on ensembles; the original program's ensemble scripts). */
import { argMax, sigmoid } from "./decode.ts";
import { mean } from "./mean.ts";

export const ensembleRules = ["paper", "logits"] as const;
/**
 * "paper": mean of the members' probabilities. "logits": mean of their logits (presence) and of their log-probabilities
 * (severity, renormalised). With three or more members the answers can differ.
 */
export type EnsembleRule = typeof ensembleRules[number];

/** Presence of several models for one scan: positive when the combined probability ≥ 0.5. */
export function combinePresence(
  probabilities: readonly number[],
  rule: EnsembleRule = "paper",
): { readonly probability: number; readonly presence: boolean } {
  requireMembers(probabilities);
  const probability = rule === "paper" ? mean(probabilities) : sigmoid(mean(probabilities.map(logit)));
  return { probability, presence: probability >= 0.5 };
}

/** Severity of several models for one scan: the four renormalised probabilities of each; arg-max of the combination. */
export function combineSeverity(
  members: readonly (readonly number[])[],
  rule: EnsembleRule = "paper",
): { readonly probabilities: number[]; readonly severity: number } {
  requireMembers(members);
  const classes = members[0]!.map((_, c) => members.map((row) => row[c]!));
  const combined = rule === "paper" ? classes.map(mean) : classes.map((values) => Math.exp(mean(values.map(logOf))));
  const sum = combined.reduce((total, value) => total + value, 0);
  const probabilities = rule === "paper" ? combined : combined.map((value) => value / sum);
  return { probabilities, severity: argMax(probabilities) };
}

/** Probabilities of exactly 0 or 1 are rounded numbers: the nearest ones that have a logit stand for them. */
const least = 2 ** -53;

function logit(p: number): number {
  const inside = Math.min(1 - least, Math.max(least, p));
  return Math.log(inside) - Math.log1p(-inside);
}

function logOf(p: number): number {
  return Math.log(Math.max(least, p));
}

function requireMembers(members: readonly unknown[]): void {
  if (members.length === 0) throw new RangeError("an ensemble needs members");
}
