/** What a factor does to macro F1: a point for every run, their mean, and the bootstrap interval of the mean. */
import * as Plot from "@observablehq/plot";
import type { FactorEffect } from "../../sweep/collect.ts";
import { type SweepTask, sweepTasks } from "../../sweep/scored_runs.ts";
import type { Figure, FigureRow } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink, plot } from "../style.ts";
import { textWidth } from "../text_outlines.ts";

export interface FactorEffectFigureOptions {
  readonly effect: FactorEffect;
  /** Row that the others are compared with: its mean is the dashed line, where it is in the figure. */
  readonly compareWith: string;
  /** Panels in a row (default: all); 1 stays legible at the width of a paper's column. */
  readonly columns?: number;
  readonly name: string;
}

/** Undefined where no run of the factor has a score. */
export function factorEffectFigure(
  { effect, compareWith, columns, name }: FactorEffectFigureOptions,
): Figure | undefined {
  const tasks = sweepTasks.filter((task) => effect.values.some(({ tasks }) => tasks[task] !== null));
  if (tasks.length === 0) return undefined;
  const title = effect.factor === "row" ? "Macro F1 of the rows" : `Effect of ${effect.factor}`;
  const hasPublished = effect.values.some(({ published }) => tasks.some((task) => published[task] !== null));
  const caption = "Each dot is one training run (a seed), the bar is their mean and the line its 95 % bootstrap " +
    `interval over scans or patients; the dashed line is the mean of ${compareWith}` +
    `${hasPublished ? "; the diamond is the published score" : ""}.`;
  return {
    name,
    title,
    caption,
    svg: frame({
      title,
      caption,
      panels: tasks.map((task) => panelOf(effectPlot(effect, task, compareWith), `${title}: ${task}`)),
      columns: columns ?? (effect.values.length > 12 ? 1 : tasks.length),
    }),
    rows: tasks.flatMap((task) => effectRows(effect, task)),
  };
}

function effectPlot({ values }: FactorEffect, task: SweepTask, compareWith: string): SVGSVGElement {
  const labels = values.map(({ label }) => label), colour = colours[task];
  const marginLeft = Math.ceil(Math.max(...labels.map((label) => textWidth(label, 11)))) + 22;
  const scored = values.flatMap(({ label, rows, tasks }) => {
    const effect = tasks[task];
    return effect === null ? [] : [{ label, rows, ...effect }];
  });
  const dots = scored.flatMap(({ label, points }) => points.map(({ seed, f1 }) => ({ label, seed, f1 })));
  const published = values.flatMap(({ label, published }) => {
    const f1 = published[task];
    return f1 === null ? [] : [{ label, f1 }];
  });
  const base = scored.find(({ rows }) => rows.length === 1 && rows[0] === compareWith);
  return plot({
    width: Math.max(400, marginLeft + 320),
    height: 64 + 30 * labels.length,
    marginLeft,
    marginTop: 8,
    marginRight: 24,
    x: {
      label: `${task} macro F1`,
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      domain: domainOf([...scored.map(({ interval }) => interval.low), ...dots.map(({ f1 }) => f1)], published),
    },
    y: { label: null, domain: labels, type: "band", padding: 0.35, tickSize: 0 },
    marks: [
      ...base === undefined ? [] : [Plot.ruleX([base.mean], { stroke: colours.guide, strokeDasharray: "5 4" })],
      Plot.ruleY(scored, {
        y: "label",
        x1: ({ interval }) => interval.low,
        x2: ({ interval }) => interval.high,
        stroke: colour,
        strokeWidth: 2.5,
      }),
      Plot.tickX(scored, { x: "mean", y: "label", stroke: colour, strokeWidth: 3 }),
      Plot.dot(dots, { x: "f1", y: "label", r: 3.4, fill: "#ffffff", stroke: ink, strokeWidth: 1.2 }),
      Plot.dot(published, { x: "f1", y: "label", r: 5, symbol: "diamond", stroke: ink, strokeWidth: 1.6 }),
      Plot.text(values.filter(({ tasks }) => tasks[task] === null), {
        y: "label",
        frameAnchor: "left",
        dx: 8,
        text: () => "no score",
        fill: colours.guide,
        textAnchor: "start",
      }),
      Plot.frame({ stroke: "#d0d0d0" }),
    ],
  });
}

/** From a round value below everything that is drawn to 1. */
function domainOf(values: readonly number[], published: readonly { readonly f1: number }[]): [number, number] {
  const finite = [...values, ...published.map(({ f1 }) => f1)].filter(Number.isFinite);
  const lowest = Math.min(1, ...finite);
  return [Math.max(0, Math.floor((lowest - 0.02) * 10) / 10), 1];
}

function effectRows({ factor, values }: FactorEffect, task: SweepTask): FigureRow[] {
  return values.flatMap(({ label, tasks, published }) => {
    const common = { factor, value: label, task };
    const scores = tasks[task];
    const rest = { mean: scores?.mean ?? null, low: scores?.interval.low ?? null, high: scores?.interval.high ?? null };
    const points = scores?.points ?? [{ row: null, seed: null, f1: null }];
    return points.map(({ row, seed, f1 }) => ({ ...common, row, seed, f1, ...rest, published: published[task] }));
  });
}
