/** The rows of a sweep as a table for a notebook. */
import type { SweepSummary } from "../sweep/collect.ts";
import { summaryTable } from "../sweep/summary_table.ts";
import type { Table } from "./table.ts";

/** The table that `cov3d ablate` writes, without the notes on how its numbers were made: those are `sweepNotes`. */
export function sweepTable(summary: SweepSummary): Table {
  const { title, columns, rows } = summaryTable(summary);
  return {
    head: columns.map(({ group, heading }) => group === "" ? heading : `${group}: ${heading}`),
    rows,
    caption: title,
  };
}

/** What the numbers of `sweepTable` are, a sentence each. */
export function sweepNotes(summary: SweepSummary): string {
  return summaryTable(summary).notes.join("\n");
}
