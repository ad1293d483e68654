/** A few scans that stand for a dataset. */
import { severities, type Severity } from "./types.ts";
import type { Scan } from "./types.ts";

/** A negative scan, the four grades, a positive that nobody graded, a scan without a label. */
export type ScanKind = "negative" | Exclude<Severity, "undefined"> | "ungraded" | "unlabelled";

export const scanKinds: readonly ScanKind[] = ["negative", ...severities, "ungraded", "unlabelled"];

export function scanKind({ presence, severity }: Pick<Scan, "presence" | "severity">): ScanKind {
  if (presence === undefined) return "unlabelled";
  if (!presence) return "negative";
  return severity === "undefined" ? "ungraded" : severity;
}

export interface EachKindOptions {
  /** Only scans of this split; all when left out. */
  readonly split?: string;
  /** Scans of each kind (default 1), or as many as there are. */
  readonly perKind?: number;
}

/** The first scans of each kind that the dataset has, kinds in the order of `scanKinds`. */
export function scansOfEachKind(scans: readonly Scan[], { split, perKind = 1 }: EachKindOptions = {}): Scan[] {
  const candidates = scans.filter((scan) => scan.slices.length > 0 && (split === undefined || scan.split === split));
  return scanKinds.flatMap((kind) => candidates.filter((scan) => scanKind(scan) === kind).slice(0, perKind));
}
