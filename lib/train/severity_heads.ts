/** The ways of reading severity off the outputs that follow the presence logit. */

/**
 * "five-class": mild, moderate, severe, critical, negative (the paper; the original's `--severity-everything`).
 * "four-class": the four grades (the original's default). "regression": one logit (`--severity-regression`).
 */
export const severityHeadNames = ["five-class", "four-class", "regression"] as const;
export type SeverityHeadName = typeof severityHeadNames[number];

/** Number of severity logits. */
export const severityHeadOutputs: Readonly<Record<SeverityHeadName, number>> = {
  "five-class": 5,
  "four-class": 4,
  "regression": 1,
};
