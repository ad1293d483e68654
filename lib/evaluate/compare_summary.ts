/** A comparison of two models as a table that a person reads in a terminal. */
import type { PairedScore, TaskComparison } from "./compare.ts";
import type { ComparedModel, ModelComparison } from "./compare_models.ts";

/** The whole comparison, a line a score. */
export function comparisonTable(comparison: ModelComparison): string {
  const { first, second, split, scans, unpaired, intervals, warnings } = comparison;
  const level = Math.round(100 * ((comparison.presence ?? comparison.severity)?.macroF1.difference.level ?? 0.95));
  const left = unpaired === 0 ? "" : `; ${unpaired} predictions of one model alone are left out`;
  return [
    `A: ${modelText(first)}`,
    `B: ${modelText(second)}`,
    `${split === undefined ? "" : `${split}: `}${scans} scans that both predicted${left}`,
    "",
    ...taskLines("presence", comparison.presence),
    "",
    ...taskLines("severity", comparison.severity),
    "",
    `${level} % paired ${intervals.method} intervals, resampling ${intervals.unit}s` +
    `${intervals.stratified ? ", class sizes kept" : ""}; two-sided p, not corrected for the number of comparisons`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join("\n");
}

/** "0.031", "< 0.0001", "–". */
export function formatP(p: number): string {
  if (Number.isNaN(p)) return "–";
  return p < 1e-4 ? "< 0.0001" : p.toFixed(p < 0.01 ? 4 : 3);
}

function modelText({ source, threshold }: ComparedModel): string {
  return source + (threshold === undefined || threshold === 0.5 ? "" : ` (positive from ${threshold.toFixed(4)})`);
}

function taskLines(title: string, task: TaskComparison | null): string[] {
  if (task === null) return [`${title}: – (not answered by both, or no labels)`];
  const { delong, mcnemar } = task;
  const areaName = title === "presence" ? "AUC" : "AUC one-vs-rest";
  return [
    `${title} (${task.scans} scans)`,
    `  ${"".padEnd(18)}${"A".padStart(7)}${"B".padStart(9)}   A − B`,
    scoreLine("macro F1", task.macroF1),
    scoreLine("accuracy", task.accuracy),
    ...(task.auc === null ? [] : [scoreLine(areaName, task.auc)]),
    ...(delong === null || !Number.isFinite(delong.variance) ? [] : [
      `  ${"DeLong".padEnd(34)}   ${interval(delong.difference, delong.low, delong.high)}  p ${formatP(delong.p)}`,
    ]),
    `  ${"McNemar".padEnd(34)}   only A right ${mcnemar.onlyFirst}, only B right ${mcnemar.onlySecond}` +
    `  exact p ${formatP(mcnemar.exactP)}, mid-p ${formatP(mcnemar.midP)}, χ² p ${formatP(mcnemar.chiSquareP)}`,
  ];
}

function scoreLine(name: string, { first, second, difference }: PairedScore): string {
  const number = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(4)).padStart(9);
  const { value, low, high, p } = difference;
  return `  ${name.padEnd(16)}${number(first)}${number(second)}   ${interval(value, low, high)}  p ${formatP(p)}`;
}

function interval(value: number, low: number, high: number): string {
  if (Number.isNaN(value)) return "–";
  const signed = (x: number) => Number.isNaN(x) ? "–" : `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(4)}`;
  return `${signed(value)} (${signed(low)} – ${signed(high)})`;
}
