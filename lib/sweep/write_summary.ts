/** The files of a summary: tables for people, papers and programs, and the figures. */
import { join } from "node:path";
import { makeFolder } from "../files.ts";
import { type FigureRow, toCsv, writeFigure } from "../report/figure.ts";
import { fileExists } from "../files.ts";
import type { CollectedRun, RowSummary, SweepSummary, TaskSummary } from "./collect.ts";
import { effectFigures } from "./effect_figures.ts";
import { latexTable } from "./latex.ts";
import { markdownTable } from "./markdown.ts";
import { type SweepTask, sweepTasks } from "./scored_runs.ts";
import { summaryTable } from "./summary_table.ts";
import { json, sweepFiles, writeIfChanged } from "./sweep_record.ts";

export interface SummaryFiles {
  readonly markdown: string;
  readonly csv: string;
  readonly latex: string;
  readonly runs: string;
  readonly summary: string;
  /** SVG; PNG and CSV lie beside them. */
  readonly figures: readonly string[];
}

/** Files that would not change are left alone. */
export async function writeSummary(summary: SweepSummary, folder: string): Promise<SummaryFiles> {
  const table = summaryTable(summary);
  const files = {
    markdown: join(folder, "table.md"),
    csv: join(folder, "table.csv"),
    latex: join(folder, "table.tex"),
    runs: join(folder, "runs.csv"),
    summary: join(folder, "summary.json"),
  };
  await makeFolder(folder);
  await writeIfChanged(files.markdown, markdownTable(table));
  await writeIfChanged(files.csv, toCsv(summary.rows.map(rowNumbers)));
  await writeIfChanged(files.latex, latexTable(table));
  await writeIfChanged(files.runs, toCsv(summary.runs.map(runNumbers)));
  await writeIfChanged(files.summary, json(summaryDocument(summary)));
  return { ...files, figures: await writeFigures(summary, join(folder, sweepFiles.figures)) };
}

async function writeFigures(summary: SweepSummary, folder: string): Promise<string[]> {
  const written: string[] = [];
  for (const figure of effectFigures(summary)) {
    const svg = join(folder, `${figure.name}.svg`);
    const isThere = await fileExists(svg) && await Deno.readTextFile(svg) === figure.svg;
    if (!isThere) await writeFigure(figure, folder);
    written.push(svg);
  }
  return written;
}

/** A row of table.csv; empty cells are what is not known. */
function rowNumbers(row: RowSummary): FigureRow {
  const { label, seeds, runs } = row;
  return {
    row: label,
    seeds_planned: seeds.planned,
    seeds_complete: seeds.complete,
    runs_planned: runs.planned,
    runs_done: runs.done,
    runs_failed: runs.failed,
    ...Object.assign({}, ...sweepTasks.map((task) => taskNumbers(task, row[task], row.published[task]))),
  };
}

function taskNumbers(task: SweepTask, scores: TaskSummary | null, published: number | null): FigureRow {
  const { interval, difference, overFolds } = scores ?? {};
  return {
    [`${task}_scans`]: scores?.scans ?? null,
    [`${task}_f1_mean`]: scores?.mean ?? null,
    [`${task}_f1_sd`]: scores?.standardDeviation ?? null,
    [`${task}_f1_low`]: finite(interval?.low),
    [`${task}_f1_high`]: finite(interval?.high),
    [`${task}_interval_unit`]: scores?.unit ?? null,
    [`${task}_f1_fold_mean`]: overFolds?.mean ?? null,
    [`${task}_f1_fold_sd`]: overFolds?.standardDeviation ?? null,
    [`${task}_difference`]: finite(difference?.value),
    [`${task}_difference_low`]: finite(difference?.low),
    [`${task}_difference_high`]: finite(difference?.high),
    [`${task}_p`]: finite(difference?.p),
    [`${task}_published`]: published,
    [`${task}_minus_published`]: scores === null || published === null ? null : scores.mean - published,
  };
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** A row of runs.csv. */
function runNumbers({ row, seed, fold, folder, status, scans, f1 }: CollectedRun): FigureRow {
  const record = status.kind === "done" ? status.record : undefined;
  return {
    row,
    seed,
    fold,
    folder,
    status: status.kind,
    reason: status.kind === "failed" || status.kind === "unfinished" ? status.reason : null,
    engine: record?.engine ?? null,
    epochs: record?.epochs ?? null,
    steps: record?.steps ?? null,
    seconds: record?.seconds ?? null,
    // Counted from 1, as in the log.
    best_presence_epoch: record?.best.presence ? record.best.presence.epoch + 1 : null,
    best_severity_epoch: record?.best.severity ? record.best.severity.epoch + 1 : null,
    scans: record === undefined ? null : scans.length,
    presence_f1: f1.presence,
    severity_f1: f1.severity,
  };
}

function summaryDocument({ record, rows, effects }: SweepSummary) {
  const { name, description, compareWith, seeds, folds, evaluate } = record;
  return { format: 1, name, description, compareWith, seeds, folds, evaluate, rows, effects };
}
