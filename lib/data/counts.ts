/** How many scans of each kind a dataset has, beside the published numbers of COV19-CT-DB. */
import { z } from "zod";
import { compareSplits } from "./layout.ts";
import { readPublished } from "./published.ts";
import { severities } from "./types.ts";
import type { Scan } from "./types.ts";

/** Rows of the paper's Tables 1 and 2, and "unannotated": positives without a severity. */
export const countRows = ["positive", "negative", "total", ...severities, "annotated", "unannotated"] as const;
export type CountRow = (typeof countRows)[number];
export type Counts = Readonly<Record<CountRow, number>>;

/** Counts of each split, in the order train, validation, others. Unlabelled scans count in "total" only. */
export function countScans(scans: readonly Scan[]): Map<string, Counts> {
  const splits = [...new Set(scans.map((scan) => scan.split))].sort(compareSplits);
  return new Map(splits.map((split) => [split, countsOf(scans.filter((scan) => scan.split === split))]));
}

function countsOf(scans: readonly Scan[]): Counts {
  const count = (test: (scan: Scan) => boolean) => scans.filter(test).length;
  const positive = count((scan) => scan.presence === true);
  const graded = Object.fromEntries(
    severities.map((name) => [name, count(({ severity }) => severity === name)]),
  ) as Record<
    (typeof severities)[number],
    number
  >;
  const annotated = Object.values(graded).reduce((sum, value) => sum + value, 0);
  return {
    positive,
    negative: count((scan) => scan.presence === false),
    total: scans.length,
    ...graded,
    annotated,
    unannotated: positive - annotated,
  };
}

/** One published number: as printed in the paper and, where it is known, as in the released lists. */
export interface PublishedCount {
  readonly split: string;
  readonly row: CountRow;
  readonly paper: number;
  readonly released?: number;
  readonly source: string;
}

const countRow = z.object({
  split: z.string(),
  row: z.enum(countRows),
  paper: z.coerce.number(),
  released: z.string(),
  source: z.string(),
});

/** Tables 1 and 2 of the Cov3d paper (data/published), with the counts of the 2022 release. */
export function publishedCounts(): PublishedCount[] {
  return ["table1.csv", "table2.csv"].flatMap((name) => readPublished(name, countRow))
    .map(({ released, ...row }) => ({ ...row, ...(released === "" ? {} : { released: Number(released) }) }));
}
