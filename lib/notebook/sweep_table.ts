/** The rows of a sweep as a table for a notebook. */
import type { SweepSummary } from "../sweep/collect.ts";
import { sweepTasks } from "../sweep/scored_runs.ts";
import { pText, signed, summaryTable } from "../sweep/summary_table.ts";
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

/**
 * The paired differences of all rows from the row that they are compared with, smallest p first, and what Holm's method
 * (1979) leaves of them at 5 % when all are tested together.
 */
export function sweepDifferences({ record: { compareWith }, rows }: SweepSummary): Table {
  const found = rows.flatMap((row) =>
    sweepTasks.flatMap((task) => {
      const difference = row[task]?.difference;
      return difference ? [{ row: row.label, task, ...difference }] : [];
    })
  ).sort((a, b) => a.p - b.p);
  const kept = holm(found.map(({ p }) => p), 0.05);
  return {
    head: ["row", "score", `minus ${compareWith}`, "95 % interval", "p", `told apart, of ${found.length} comparisons`],
    rows: found.map(({ row, task, value, low, high, p }, i) => [
      row,
      `${task} F1`,
      signed(value),
      `${signed(low)} – ${signed(high)}`,
      pText(p),
      i < kept ? "yes" : "no",
    ]),
  };
}

/** How many of the ascending p-values Holm's step-down method rejects. */
export function holm(ascending: readonly number[], level: number): number {
  const first = ascending.findIndex((p, i) => !(p <= level / (ascending.length - i)));
  return first < 0 ? ascending.length : first;
}
