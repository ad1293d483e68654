/** Differences of two models' scores on the same scans. */
import * as Plot from "@observablehq/plot";
import type { PairedScore } from "../../evaluate/compare.ts";
import type { ModelComparison } from "../../evaluate/compare_models.ts";
import { formatP } from "../../evaluate/compare_summary.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink, plot } from "../style.ts";

export interface ComparisonFigureOptions {
  readonly comparison: ModelComparison;
  /** How the models are called; default: their sources. */
  readonly names?: readonly [first: string, second: string];
  readonly name?: string;
}

interface Row {
  readonly task: "presence" | "severity";
  readonly label: string;
  readonly score: PairedScore;
}

export function comparisonFigure({ comparison, names, name = "comparison" }: ComparisonFigureOptions): Figure {
  const [first, second] = names ?? [comparison.first.source, comparison.second.source];
  const rows = rowsOf(comparison).filter(({ score }) => Number.isFinite(score.difference.value));
  const title = "Difference of two models on the same scans";
  const { unit } = comparison.intervals;
  const caption =
    `A (${first}) minus B (${second}), with 95 % intervals of a paired bootstrap over ${unit}s. Right of ` +
    "the line A is better, left of it B; an interval that crosses the line leaves open which one is.";
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(draw(rows), `A: ${shortName(first)}   B: ${shortName(second)}`)] }),
    rows: rows.map(({ task, label, score }) => ({
      task,
      score: label,
      first: score.first,
      second: score.second,
      difference: score.difference.value,
      low: finite(score.difference.low),
      high: finite(score.difference.high),
      p: finite(score.difference.p),
    })),
  };
}

function rowsOf({ presence, severity }: ModelComparison): Row[] {
  return ([["presence", presence], ["severity", severity]] as const).flatMap(([task, scores]): Row[] =>
    scores === null ? [] : [
      { task, label: `${task}: macro F1`, score: scores.macroF1 },
      { task, label: `${task}: accuracy`, score: scores.accuracy },
      ...(scores.auc === null ? [] : [{ task, label: `${task}: AUC`, score: scores.auc }]),
    ]
  );
}

function draw(rows: readonly Row[]): SVGSVGElement {
  const reach = Math.max(
    0.02,
    ...rows.flatMap(({ score: { difference: d } }) => [d.low, d.high, d.value])
      .filter(Number.isFinite).map(Math.abs),
  ) * 1.08;
  const colour = ({ task }: Row) => colours[task];
  const text = ({ score: { first, second, difference } }: Row) =>
    `${first.toFixed(3)} − ${second.toFixed(3)}   p ${formatP(difference.p)}`;
  return plot({
    width: 640,
    height: 70 + 44 * rows.length,
    marginLeft: 136,
    marginRight: 180,
    marginTop: 14,
    x: { domain: [-reach, reach], label: "A − B", labelAnchor: "center", labelArrow: "none", grid: true },
    y: { domain: rows.map(({ label }) => label), label: null, tickSize: 0 },
    marks: [
      Plot.ruleX([0], { stroke: ink, strokeDasharray: "4 3" }),
      Plot.ruleY(rows, {
        y: "label",
        x1: ({ score }: Row) => score.difference.low,
        x2: ({ score }: Row) => score.difference.high,
        stroke: colour,
        strokeWidth: 2.5,
      }),
      Plot.dot(rows, { y: "label", x: ({ score }: Row) => score.difference.value, fill: colour, r: 5 }),
      Plot.text(rows, { y: "label", frameAnchor: "right", textAnchor: "start", dx: 12, text }),
    ],
  });
}

/** The last part of a path, cut where it is long. */
function shortName(source: string): string {
  const name = source.split(/[\\/]/).filter((part) => part !== "").at(-1) ?? source;
  return name.length > 32 ? `${name.slice(0, 31)}…` : name;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
