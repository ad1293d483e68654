/** Scores as a table that a person reads in a terminal. */
import type { EvaluationRecord } from "./evaluate.ts";
import type { Interval } from "./intervals.ts";
import type { PresenceScores, TaskScores } from "./scores.ts";

/** "0.9500 (0.9000 – 0.9833)"; "–" where there is no score. */
export function formatInterval(interval: Interval | null | undefined, digits = 4): string {
  if (interval === null || interval === undefined || Number.isNaN(interval.value)) return "–";
  const { value, low, high } = interval;
  return `${value.toFixed(digits)} (${low.toFixed(digits)} – ${high.toFixed(digits)})`;
}

/** "95 % bootstrap interval over 60 scans". */
export function describeIntervals({ intervals, presence, severity }: EvaluationRecord): string {
  const level = Math.round(100 * ((presence ?? severity)?.macroF1.level ?? 0.95));
  const fixed = intervals.stratified ? ", class sizes kept" : "";
  return `${level} % ${intervals.method} intervals, resampling ${intervals.unit}s${fixed}`;
}

/** The whole evaluation, a line a score. */
export function evaluationTable(record: EvaluationRecord): string {
  return [
    `${record.split}: ${record.scans} scans of ${record.dataset}`,
    `weights: presence from ${record.weights.presence ?? "–"}, severity from ${record.weights.severity ?? "–"}` +
    `${
      record.reflection ? ", with test-time reflection" : ""
    }; engine ${record.engine.engine} (${record.engine.version})`,
    "",
    ...taskLines("presence", record.presence),
    "",
    ...taskLines("severity", record.severity),
    "",
    describeIntervals(record),
  ].join("\n");
}

function taskLines(title: string, scores: TaskScores | PresenceScores | null): string[] {
  if (scores === null) return [`${title}: – (not trained, or no labels)`];
  const line = (name: string, text: string) => `  ${name.padEnd(20)}${text}`;
  const longest = Math.max(9, ...scores.labels.map(({ length }) => length));
  return [
    `${title} (${scores.scans} scans)`,
    line("macro F1", formatInterval(scores.macroF1)),
    line("accuracy", formatInterval(scores.accuracy)),
    ...("auc" in scores ? [line("AUC", formatInterval(scores.auc))] : []),
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
