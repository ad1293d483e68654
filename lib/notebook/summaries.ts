/** Records of the kit as tables. */
import type { Counts, PublishedCount } from "../data/counts.ts";
import { countRows } from "../data/counts.ts";
import type { AuditReport } from "../data/audit.ts";
import type { EvaluationRecord } from "../evaluate/evaluate.ts";
import { describeIntervals, formatInterval } from "../evaluate/summary.ts";
import type { TaskScores } from "../evaluate/scores.ts";
import type { Run } from "../train/run.ts";
import type { Cell, Table } from "./table.ts";

/** Scores of both tasks, one a row, with intervals. */
export function evaluationScores(record: EvaluationRecord): Table {
  const rows: Cell[][] = [];
  for (const task of ["presence", "severity"] as const) {
    const scores: TaskScores | null = record[task];
    if (scores === null) {
      rows.push([task, "–", "not trained, or no labels", null]);
      continue;
    }
    rows.push([task, "macro F1", formatInterval(scores.macroF1, 3), scores.scans]);
    rows.push([task, "accuracy", formatInterval(scores.accuracy, 3), scores.scans]);
    const auc = (record.presence !== null && task === "presence") ? record.presence.auc : undefined;
    if (auc !== undefined) rows.push([task, "AUC", formatInterval(auc, 3), scores.scans]);
    for (const { label, f1, scans } of scores.classes) rows.push([task, `F1 ${label}`, formatInterval(f1, 3), scans]);
  }
  const caption = `${record.split}: ${record.scans} scans. ${describeIntervals(record)}.`;
  return { head: ["task", "score", "value (95 % interval)", "scans"], rows, caption };
}

/** Rows of Tables 1 and 2: what is in the dataset, and beside it what the paper prints. */
export function auditCounts({ counts, published, scans, slices }: AuditReport): Table {
  const splits = Object.keys(counts);
  const printed = (split: string, row: keyof Counts) =>
    published.find((entry: PublishedCount) => entry.split === split && entry.row === row)?.paper ?? null;
  return {
    head: ["", ...splits.flatMap((split) => [split, `${split} (paper)`])],
    rows: countRows.map((row) => [row, ...splits.flatMap((split) => [counts[split]![row], printed(split, row)])]),
    caption: `${scans} scans, ${slices} slices`,
  };
}

/** The last epochs of a run. */
export function runEpochs({ config, epochs, state }: Run, last = 5): Table {
  const finished = state?.finished ? "finished" : "not finished";
  return {
    head: ["epoch", "training loss", "validation loss", "presence F1", "severity F1"],
    rows: epochs.slice(-last).map(({ epoch, trainLoss, validationLoss, presence, severity }) => [
      epoch + 1,
      trainLoss,
      validationLoss,
      presence?.macroF1 ?? null,
      severity?.macroF1 ?? null,
    ]),
    caption: `${config.name}: ${epochs.length} of ${config.epochs} epochs, ${finished}`,
  };
}
