/** Scores as a table that a person reads in a terminal. */
import type { EvaluationRecord } from "./evaluate.ts";
import type { Interval } from "./intervals.ts";
import type { BothScores } from "./labelled.ts";
import type { Calibration, PresenceScores, SeverityScores, TaskScores } from "./scores.ts";
import type { UsedThreshold } from "./threshold_choice.ts";

/** "0.9500 (0.9000 – 0.9833)"; "–" where there is no score. */
export function formatInterval(interval: Interval | null | undefined, digits = 4): string {
  if (interval === null || interval === undefined || Number.isNaN(interval.value)) return "–";
  const { value, low, high } = interval;
  return `${value.toFixed(digits)} (${low.toFixed(digits)} – ${high.toFixed(digits)})`;
}

/** "95 % percentile bootstrap intervals, resampling scans, class sizes kept". */
export function describeIntervals(
  { intervals, presence, severity }: Pick<EvaluationRecord, "intervals" | keyof BothScores>,
): string {
  const level = Math.round(100 * ((presence ?? severity)?.macroF1.level ?? 0.95));
  const fixed = intervals.stratified ? ", class sizes kept" : "";
  return `${level} % ${intervals.method} intervals, resampling ${intervals.unit}s${fixed}`;
}

/** The whole evaluation, a line a score. */
export function evaluationTable(record: EvaluationRecord): string {
  return [
    `${record.split}: ${record.scans} scans of ${record.dataset}`,
    `weights: presence from ${record.weights.presence ?? "–"}, severity from ${record.weights.severity ?? "–"}` +
    `${viewsText(record)}; engine ${record.engine.engine} (${record.engine.version})`,
    ...thresholdLine(record.threshold),
    "",
    ...scoreLines("presence", record.presence),
    "",
    ...scoreLines("severity", record.severity),
    "",
    describeIntervals(record),
  ].join("\n");
}

/** The lines of one task. */
export function scoreLines(title: string, scores: AnyScores | null): string[] {
  if (scores === null) return [`${title}: – (not trained, or no labels)`];
  const line = (name: string, text: string) => `  ${name.padEnd(20)}${text}`;
  const longest = Math.max(9, ...scores.labels.map(({ length }) => length));
  return [
    `${title} (${scores.scans} scans)`,
    line("macro F1", formatInterval(scores.macroF1)),
    line("accuracy", formatInterval(scores.accuracy)),
    ...areaTexts(scores).map(([name, text]) => line(name, text)),
    ...(scores.calibration === undefined ? [] : [line("calibration", calibrationText(scores.calibration))]),
    ...scores.classes.map(({ label, f1, precision, recall, scans }) =>
      line(
        `F1 ${label}`,
        `${formatInterval(f1)}  precision ${precision.toFixed(3)} recall ${recall.toFixed(3)} n=${scans}`,
      )
    ),
    `  ${"truth \\ predicted".padEnd(20)}${scores.labels.map((label) => label.padStart(longest)).join(" ")}`,
    ...scores.labels.map((label, row) =>
      line(label, scores.confusion[row]!.map((count) => String(count).padStart(longest)).join(" "))
    ),
  ];
}

type AnyScores = TaskScores & Partial<PresenceScores> & SeverityScores;

function viewsText({ reflection, monteCarlo }: EvaluationRecord): string {
  if (monteCarlo) return `, mean of ${monteCarlo.samples} passes with dropout (seed ${monteCarlo.seed})`;
  return reflection ? ", with test-time reflection" : "";
}

function thresholdLine(threshold: UsedThreshold | undefined): string[] {
  if (threshold === undefined || threshold.source === "default") return [];
  const { value, chosenOn } = threshold;
  const where = chosenOn === undefined
    ? "given"
    : `chosen on ${chosenOn.scans} scans of ${chosenOn.split} of ${chosenOn.dataset}, macro F1 ${
      chosenOn.macroF1.toFixed(4)
    } there`;
  return [`threshold of presence: ${value.toFixed(4)} (${where})`];
}

function areaTexts({ auc, aucDelong, macroAuc, oneVsRest = [] }: AnyScores): [name: string, text: string][] {
  const delong = aucDelong === undefined || aucDelong.variance === null || Number.isNaN(aucDelong.variance)
    ? ""
    : `  DeLong ${aucDelong.low.toFixed(4)} – ${aucDelong.high.toFixed(4)}`;
  const grades = oneVsRest.filter(({ auc }) => Number.isFinite(auc.value))
    .map(({ label, auc }) => `${label} ${auc.value.toFixed(3)}`);
  return [
    ...(auc === undefined ? [] : [["AUC", formatInterval(auc) + delong] as [string, string]]),
    ...(macroAuc === undefined
      ? []
      : [["AUC one-vs-rest", `${formatInterval(macroAuc)}  ${grades.join(", ")}`] as [string, string]]),
  ];
}

function calibrationText({ brier, ece, eceMass, mce }: Calibration): string {
  const errors = [["ECE", ece], ["equal mass", eceMass], ["MCE", mce]] as const;
  return `Brier ${formatInterval(brier)}  ${
    errors.map(([name, value]) => `${name} ${(value ?? NaN).toFixed(3)}`).join(", ")
  }`;
}
