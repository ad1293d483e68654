/** Labels as the losses see them: groups and smoothed targets. */
import { severities, type Severity } from "../data/types.ts";
import { DataError } from "../errors.ts";

/** What is known about one scan. "undefined" severity: a negative, or a positive that nobody graded. */
export interface Label {
  readonly presence: boolean;
  readonly severity: Severity;
}

/** Severity classes in the order of the severity logits. */
export const severityClasses = [...severities, "negative"] as const;
export type SeverityClass = typeof severityClasses[number];

/** A class, or "positive": positive without annotation, that is, any of the four grades (superset label). */
export const severityGroups = [...severityClasses, "positive"] as const;
export type SeverityGroup = typeof severityGroups[number];

/** @throws DataError for a negative scan with a grade */
export function groupOf({ presence, severity }: Label): SeverityGroup {
  if (presence) return severity === "undefined" ? "positive" : severity;
  if (severity === "undefined") return "negative";
  throw new DataError("label.contradiction", "a negative scan has a severity", {
    expected: "severity only for positive scans",
    found: severity,
  });
}

/** Task 1: y(1 − 2ε₁) + ε₁, that is 1 − ε₁ for a positive and ε₁ for a negative. */
export function presenceTarget(presence: boolean, smoothing: number): number {
  return presence ? 1 - smoothing : smoothing;
}

/** Neighbours in the chain negative – mild – moderate – severe – critical. */
const neighbours: Record<SeverityClass, readonly SeverityClass[]> = {
  negative: ["mild"],
  mild: ["negative", "moderate"],
  moderate: ["mild", "severe"],
  severe: ["moderate", "critical"],
  critical: ["severe"],
};

/** Task 2: 1 − ε₂ on the class, ε₂ shared by its neighbours in the chain; order of `severityClasses`. */
export function severityTarget(group: SeverityClass, smoothing: number): number[] {
  const around = neighbours[group];
  return severityClasses.map((name) => {
    if (name === group) return 1 - smoothing;
    return around.includes(name) ? smoothing / around.length : 0;
  });
}

/** A graded positive: what the heads without a negative class learn from. */
export type Grade = typeof severities[number];

export function isGrade(group: SeverityGroup): group is Grade {
  return group !== "negative" && group !== "positive";
}

/** Four-class head without smoothing, as the 2022 program trains it: 1 on the grade; order of `severities`. */
export function gradeTarget(grade: Grade): number[] {
  return severities.map((name) => name === grade ? 1 : 0);
}

/**
 * Four-class head, the 2022 program's `--neighbour-smoothing`: the one-hot target, its ends repeated, convolved with
 * [ε₂/2, 1 − ε₂, ε₂/2]. Mild and critical keep 1 − ε₂/2, unlike in the chain of `severityTarget`.
 */
export function neighbourSmoothedTarget(grade: Grade, smoothing: number): number[] {
  const hot = gradeTarget(grade), last = hot.length - 1;
  const around = (c: number) => hot[Math.max(0, c - 1)]! + hot[Math.min(last, c + 1)]!;
  return hot.map((value, c) => (1 - smoothing) * value + smoothing / 2 * around(c));
}

/** Regression head: 0.25·s − 0.125 for category s = 1 (mild) … 4 (critical), the centres of four equal intervals. */
export function severityProbabilityTarget(grade: Grade): number {
  return 0.25 * (severities.indexOf(grade) + 1) - 0.125;
}
