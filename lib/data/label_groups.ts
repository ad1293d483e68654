/** The six kinds of labelled scans: four grades, positives without a grade, negatives. */
import { type Scan, severities } from "./types.ts";

export const labelGroups = [...severities, "unannotated", "negative"] as const;
export type LabelGroup = (typeof labelGroups)[number];

/** The group of a scan; undefined where it has no label. */
export function labelGroupOf({ presence, severity }: Pick<Scan, "presence" | "severity">): LabelGroup | undefined {
  if (presence === undefined) return undefined;
  if (!presence) return "negative";
  return severity === "undefined" ? "unannotated" : severity;
}
