/** What every drawing of receiver operating characteristics has in common. */
import * as Plot from "@observablehq/plot";
import type { RocPoint } from "../../evaluate/auc.ts";
import type { FigureRow } from "../figure.ts";
import { colours, plot } from "../style.ts";

/** The square of both rates with the line of chance; `marks` go on top, `options` over the size. */
export function rocPlot(marks: readonly Plot.Markish[], options: Plot.PlotOptions): SVGSVGElement {
  const axis = { domain: [0, 1], labelAnchor: "center", labelArrow: "none", grid: true } as const;
  return plot({
    height: 360,
    marginTop: 12,
    ...options,
    x: { ...axis, label: "false-positive rate (1 − specificity)" },
    y: { ...axis, label: "sensitivity" },
    marks: [Plot.line([[0, 0], [1, 1]], { stroke: colours.guide, strokeDasharray: "5 4" }), ...marks],
  });
}

export function rocLine(curve: readonly RocPoint[], looks: Plot.LineOptions): Plot.Markish {
  return Plot.line(curve, { x: "falsePositiveRate", y: "sensitivity", ...looks, strokeWidth: 2.5, clip: false });
}

export function rocRow({ threshold, falsePositiveRate, sensitivity }: RocPoint): FigureRow {
  return {
    threshold: Number.isFinite(threshold) ? threshold : null,
    false_positive_rate: falsePositiveRate,
    sensitivity,
  };
}
