/** The ablation on synthetic scans: the records of the plan data/plans/phantom.yaml. */
import { join } from "node:path";
import { RunError } from "../../../errors.ts";
import { type RowSummary, summarise, type SweepSummary, type TaskSummary } from "../../../sweep/collect.ts";
import { sweepTasks } from "../../../sweep/scored_runs.ts";
import { pText } from "../../../sweep/summary_table.ts";
import { readRunConfig } from "../../../train/run.ts";
import { runFolder } from "../../../sweep/sweep_record.ts";
import { factorEffectFigure } from "../../figures/factor_effect.ts";
import { count, fixed, keyPart, type PaperNumber, signed, sizeOf } from "../paper_number.ts";
import {
  type FamilyInputs,
  type PaperFigure,
  type PaperTable,
  type RecordFamily,
  requireRecord,
  textTable,
} from "../record_family.ts";

const place = "data/runs/phantom-ablation";

export const ablationFamily: RecordFamily = {
  name: "ablation",
  place,
  command: "deno task cov3d ablate phantom --engine wasm --jobs 2 --records data/runs/phantom-ablation",
  gives: ["ablation-presence", "ablation-severity", "ablation-effects"],
  read: async (root): Promise<FamilyInputs> => {
    const folder = join(root, place);
    await requireRecord(ablationFamily, join(folder, "sweep.json"));
    const summary = await summarise(folder);
    requireComplete(summary, folder);
    return {
      numbers: [...await planNumbers(summary, folder), ...summary.rows.flatMap(rowNumbers)],
      tables: sweepTasks.map((task) => taskTable(summary, task)),
      figures: rowsFigure(summary),
    };
  },
};

/** A mean over fewer seeds than planned would be printed as one over all. */
function requireComplete({ rows, runs }: SweepSummary, folder: string): void {
  const row = rows.find(({ seeds }) => seeds.complete < seeds.planned);
  if (row === undefined) return;
  const lacking = runs.filter((run) => run.row === row.label && run.status.kind !== "done");
  throw new RunError("paper.record", `a row of the ablation is not complete: ${row.label}`, {
    file: join(folder, "runs", lacking[0]?.folder ?? ""),
    expected: `${row.seeds.planned} seeds`,
    found: `${row.seeds.complete}: ${lacking.map(({ status }) => status.kind).join(", ")}`,
    hint: `Make it: ${ablationFamily.command}`,
  });
}

async function planNumbers({ rows, record, runs }: SweepSummary, folder: string): Promise<PaperNumber[]> {
  const source = `${place}/sweep.json`;
  const { epochs, data } = await readRunConfig(runFolder(folder, runs[0]!));
  const seconds = runs.reduce((sum, { status }) => sum + (status.kind === "done" ? status.record.seconds : 0), 0);
  const scans = rows[0]!.presence?.scans, graded = rows.find(({ severity }) => severity !== null)?.severity?.scans;
  return [
    { key: "ablation.rows", value: String(rows.length), source },
    { key: "ablation.seeds", value: String(record.seeds.length), source },
    { key: "ablation.runs", value: String(runs.length), source },
    { key: "ablation.resamples", value: count(record.evaluate.resamples), source },
    { key: "ablation.epochs", value: String(epochs), source: `${place}/runs/…/config.json` },
    { key: "ablation.size", value: sizeOf(data.size), source: `${place}/runs/…/config.json` },
    { key: "ablation.minutes", value: count(seconds / 60), source: `${place}/runs/…/sweep-run.json: seconds` },
    ...(scans === undefined ? [] : [{ key: "ablation.scans", value: count(scans), source }]),
    ...(graded === undefined ? [] : [{ key: "ablation.graded-scans", value: count(graded), source }]),
  ];
}

function rowNumbers(row: RowSummary): PaperNumber[] {
  return sweepTasks.flatMap((task) => {
    const scores = row[task];
    if (scores === null) return [];
    const { mean, standardDeviation, interval, difference } = scores;
    const values: Record<string, string | null> = {
      mean: fixed(mean),
      sd: standardDeviation === null ? null : fixed(standardDeviation),
      low: fixed(interval.low),
      high: fixed(interval.high),
      difference: difference && signed(difference.value),
      "difference-low": difference && signed(difference.low),
      "difference-high": difference && signed(difference.high),
      p: difference && pText(difference.p),
    };
    return Object.entries(values).flatMap(([what, value]) =>
      value === null ? [] : [{
        key: `ablation.${keyPart(row.label)}.${task}.${what}`,
        value,
        source: `${place}/runs: row "${row.label}", ${task}`,
      }]
    );
  });
}

function taskTable({ rows, record: { compareWith } }: SweepSummary, task: "presence" | "severity"): PaperTable {
  const cells = ({ mean, standardDeviation, interval, difference }: TaskSummary) => [
    fixed(mean),
    standardDeviation === null ? "–" : fixed(standardDeviation),
    `${fixed(interval.low)} – ${fixed(interval.high)}`,
    ...(difference === null ? ["", "", ""] : [
      signed(difference.value),
      `${signed(difference.low)} – ${signed(difference.high)}`,
      pText(difference.p),
    ]),
  ];
  const headings = ["row", "macro F1|mean", "macro F1|SD", "macro F1|95 % interval"];
  const minus = `minus ${compareWith}`;
  return textTable(
    `ablation-${task}`,
    "ours",
    [...headings, `${minus}|value`, `${minus}|95 % interval`, `${minus}|p`],
    rows.flatMap((row) => row[task] === null ? [] : [[row.label, ...cells(row[task])]]),
  );
}

/** All rows in one figure. */
function rowsFigure({ rows, record }: SweepSummary): PaperFigure[] {
  const effectOf = (row: RowSummary, task: "presence" | "severity") => {
    const scores = row[task];
    if (scores === null) return null;
    const points = scores.values.map((f1, i) => ({ row: row.label, seed: scores.seeds[i]!, f1 }));
    return { points, mean: scores.mean, interval: scores.interval };
  };
  const values = rows.map((row) => ({
    label: row.label,
    rows: [row.label],
    tasks: { presence: effectOf(row, "presence"), severity: effectOf(row, "severity") },
    published: row.published,
  }));
  const effect = { factor: "row", values };
  const options = { compareWith: record.compareWith, columns: 1, name: "ablation-effects" };
  const figure = factorEffectFigure({ effect, ...options });
  return figure === undefined ? [] : [{ provenance: "ours", figure }];
}
