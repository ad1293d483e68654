/** A comparison of two models, one row a score. */
import type { Comparison, PairedScore, TaskComparison } from "./compare.ts";
import { formatP } from "./compare_summary.ts";

export interface ComparisonScore {
  readonly task: "presence" | "severity";
  readonly score: string;
  readonly A: number | null;
  readonly B: number | null;
  /** "+0.012 (−0.010 – +0.034)". */
  readonly "A − B (95 % interval)": string;
  readonly p: string;
}

/** Paired differences with intervals, DeLong's and McNemar's tests, as rows for a table. Missing tasks have no rows. */
export function comparisonScores({ presence, severity }: Comparison): ComparisonScore[] {
  return ([["presence", presence], ["severity", severity]] as const).flatMap(([task, scores]) =>
    scores === null ? [] : taskRows(task, scores)
  );
}

function taskRows(task: "presence" | "severity", scores: TaskComparison): ComparisonScore[] {
  const { macroF1, accuracy, auc, delong, mcnemar } = scores;
  const paired = (score: string, { first, second, difference }: PairedScore): ComparisonScore => ({
    task,
    score,
    A: rounded(first),
    B: rounded(second),
    "A − B (95 % interval)": interval(difference.value, difference.low, difference.high),
    p: formatP(difference.p),
  });
  return [
    paired("macro F1", macroF1),
    paired("accuracy", accuracy),
    ...(auc === null ? [] : [paired("AUC", auc)]),
    ...(delong === null ? [] : [{
      task,
      score: "AUC, DeLong",
      A: rounded(delong.first),
      B: rounded(delong.second),
      "A − B (95 % interval)": interval(delong.difference, delong.low, delong.high),
      p: formatP(delong.p),
    }]),
    {
      task,
      score: "only this model right (McNemar)",
      A: mcnemar.onlyFirst,
      B: mcnemar.onlySecond,
      "A − B (95 % interval)": "",
      p: formatP(mcnemar.exactP),
    },
  ];
}

function rounded(value: number): number | null {
  return Number.isNaN(value) ? null : Math.round(value * 1e4) / 1e4;
}

function interval(value: number, low: number, high: number): string {
  const signed = (x: number) => Number.isNaN(x) ? "–" : `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(3)}`;
  return `${signed(value)} (${signed(low)} – ${signed(high)})`;
}
