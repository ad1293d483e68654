/** The presence scores of the published Table 3 with the intervals that 484 scans allow. */
import * as Plot from "@observablehq/plot";
import { type PublishedPrecision, publishedPresencePrecision } from "../../data/published_precision.ts";
import type { PublishedExperiment } from "../../data/published.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink, plot } from "../style.ts";

export interface Table3IntervalsOptions {
  /** `publishedTable3()`. */
  readonly experiments: readonly PublishedExperiment[];
  readonly name?: string;
}

/** Every published presence F1 with its 95 % interval over the validation scans; the dashed line is the best row. */
export function table3Intervals({ experiments, name = "table3-intervals" }: Table3IntervalsOptions): Figure {
  const rows = publishedPresencePrecision(experiments);
  const best = rows.toSorted((a, b) => b.macroF1 - a.macroF1)[0]!;
  const covering = rows.filter(({ interval }) => interval.high >= best.macroF1).length;
  const title = "Presence scores of the published Table 3";
  const caption =
    "Validation macro F1 of each published row with a 95 % bootstrap interval over 484 scans, made from " +
    "the numbers of wrong scans that give the printed score. The dashed line is the best row: it lies inside the " +
    `intervals of ${covering} of the ${rows.length} rows. Chance of the seed and of the chosen epoch come on top.`;
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(draw(rows, best.macroF1))] }),
    rows: rows.map(({ id, macroF1, wrong: [fewest, most], interval: { low, high } }) => ({
      row: id,
      macro_f1: macroF1,
      fewest_wrong_scans: fewest,
      most_wrong_scans: most,
      low,
      high,
    })),
  };
}

function draw(rows: readonly PublishedPrecision[], best: number): SVGSVGElement {
  return plot({
    width: 520,
    height: 60 + 17 * rows.length,
    marginLeft: 46,
    marginRight: 92,
    marginTop: 26,
    x: { label: "presence macro F1", labelAnchor: "center", labelArrow: "none", grid: true, nice: true },
    y: { domain: rows.map(({ id }) => id), type: "band", label: "row", labelArrow: "none", tickSize: 0 },
    marks: [
      Plot.ruleX([best], { stroke: colours.guide, strokeDasharray: "5 4" }),
      Plot.ruleY(rows, {
        y: "id",
        x1: ({ interval }: PublishedPrecision) => interval.low,
        x2: ({ interval }: PublishedPrecision) => interval.high,
        stroke: colours.presence,
        strokeWidth: 2.2,
      }),
      Plot.dot(rows, { y: "id", x: "macroF1", r: 3.4, fill: "#ffffff", stroke: ink, strokeWidth: 1.2 }),
      Plot.text(rows, {
        y: "id",
        frameAnchor: "right",
        textAnchor: "start",
        dx: 8,
        text: ({ wrong: [fewest, most] }: PublishedPrecision) =>
          `${fewest === most ? fewest : `${fewest} – ${most}`} wrong`,
      }),
    ],
  });
}
