/** The rows of a sweep as a table of text; Markdown and LaTeX are made from it. */
import type { RowSummary, SweepSummary, TaskSummary } from "./collect.ts";
import { type SweepTask, sweepTasks } from "./scored_runs.ts";

export interface TableColumn {
  /** Heading above several columns; "" for none. */
  readonly group: string;
  readonly heading: string;
  readonly align: "left" | "right";
}

export interface SummaryTable {
  readonly title: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly string[])[];
  /** What the numbers are, a sentence each. */
  readonly notes: readonly string[];
}

interface Column extends TableColumn {
  readonly text: (row: RowSummary) => string;
}

export function summaryTable(summary: SweepSummary): SummaryTable {
  const { record, rows } = summary;
  const columns = [
    left("row", ({ label }) => label),
    left("seeds", seedsText),
    ...sweepTasks.flatMap((task) => rows.some((row) => row[task] !== null) ? taskColumns(task, summary) : []),
  ];
  return {
    title: record.description === "" ? record.name : `${record.name}: ${record.description}`,
    columns: columns.map(({ group, heading, align }) => ({ group, heading, align })),
    rows: rows.map((row) => columns.map(({ text }) => text(row))),
    notes: notesOf(summary),
  };
}

function left(heading: string, text: Column["text"]): Column {
  return { group: "", heading, align: "left", text };
}

function taskColumns(task: SweepTask, { record, rows }: SweepSummary): Column[] {
  const column = (heading: string, text: (scores: TaskSummary, row: RowSummary) => string): Column => ({
    group: task,
    heading,
    align: "right",
    text: (row) => row[task] === null ? none : text(row[task], row),
  });
  const isComparison = rows.length > 1;
  const hasPublished = record.published && rows.some(({ published }) => published[task] !== null);
  return [
    column("macro F1", ({ mean, standardDeviation }) => meanText(mean, standardDeviation)),
    column("95 % interval", ({ interval: { low, high } }) => `${fixed(low)} – ${fixed(high)}`),
    ...record.folds === null
      ? []
      : [column("mean over folds", ({ overFolds }) =>
        overFolds === null ? none : meanText(overFolds.mean, overFolds.standardDeviation))],
    ...isComparison
      ? [
        column(`minus ${record.compareWith}`, ({ difference }, { label }) =>
          label === record.compareWith ? "" : difference === null ? none : differenceText(difference)),
        column("p", ({ difference }) =>
          difference === null ? "" : pText(difference.p)),
      ]
      : [],
    ...hasPublished
      ? [
        { ...column("published", () => ""), text: ({ published }: RowSummary) => fixedOrNone(published[task]) },
        column("reproduced minus published", ({ mean }, { published }) =>
          published[task] === null ? none : signed(mean - published[task])),
      ]
      : [],
  ];
}

export const none = "–";

/** "3 of 3"; "1 of 3 (1 failed, 1 missing)". */
export function seedsText({ seeds, runs }: RowSummary): string {
  const missing = runs.planned - runs.done - runs.failed;
  const parts = [
    ...runs.failed > 0 ? [`${runs.failed} ${runs.failed === 1 ? "run" : "runs"} failed`] : [],
    ...missing > 0 ? [`${missing} ${missing === 1 ? "run" : "runs"} missing`] : [],
  ];
  const count = `${seeds.complete} of ${seeds.planned}`;
  return parts.length === 0 ? count : `${count} (${parts.join(", ")})`;
}

export function fixed(value: number, digits = 3): string {
  return Number.isFinite(value) ? value.toFixed(digits) : none;
}

function fixedOrNone(value: number | null): string {
  return value === null ? none : fixed(value, 4);
}

function meanText(mean: number, standardDeviation: number | null): string {
  return `${fixed(mean)} ± ${standardDeviation === null ? none : fixed(standardDeviation)}`;
}

/** "+0.012", "−0.003", "0.000". */
export function signed(value: number): string {
  const text = fixed(Math.abs(value));
  if (text === fixed(0) || !Number.isFinite(value)) return text;
  return (value < 0 ? "−" : "+") + text;
}

function differenceText({ value, low, high }: { value: number; low: number; high: number }): string {
  return `${signed(value)} (${signed(low)} – ${signed(high)})`;
}

export function pText(p: number): string {
  return !Number.isFinite(p) ? none : p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function notesOf({ record, rows, runs }: SweepSummary): string[] {
  const { evaluate, folds, seeds } = record;
  const scored = rows.flatMap((row) => sweepTasks.flatMap((task) => row[task] ?? []));
  const units = [...new Set(scored.map(({ unit }) => `${unit}s`))].join(" or ") || "scans";
  const scans = sweepTasks.flatMap((task) => {
    const counts = [...new Set(rows.flatMap((row) => row[task]?.scans ?? []))];
    return counts.length === 0 ? [] : [`${counts.sort((a, b) => a - b).join(" or ")} scans for ${task}`];
  });
  const views = evaluate.reflection ? "each scan and its mirror image averaged" : "one view of each scan";
  const engines = [...new Set(runs.flatMap(({ status }) => status.kind === "done" ? [status.record.engine] : []))];
  return [
    `Macro F1, mean ± standard deviation over the seeds (${seeds.join(", ")}), on ${
      folds === null ? `the split "${evaluate.split}"` : "the held-out folds"
    } (${scans.join(", ") || "nothing scored yet"}); ${views}; engine ${engines.join(", ") || none}.`,
    `Intervals and p: percentile bootstrap of the mean over the seeds, ${evaluate.resamples} resamples of the ${units}, ` +
    "the same for all seeds and for both rows of a comparison, class sizes kept; p is two-sided and not adjusted for " +
    "the number of rows.",
    ...folds === null ? [] : [
      `Cross-validation over ${folds.numbers.length} folds, ${
        folds.grouping === "patient"
          ? "no patient in two of them"
          : "scan-level: scans of one patient can be in different folds, so the scores can be too high"
      }. Macro F1 and intervals are of the predictions of all folds together.`,
    ],
    ...rows.flatMap(({ label, runs: { reasons } }) => reasons.map((reason) => `${label}: failed: ${reason}`)),
  ];
}
