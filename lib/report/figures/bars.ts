/** Named numbers as horizontal bars. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { okabeIto, plot } from "../style.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly colour?: string;
}

export interface BarsPanel {
  readonly heading?: string;
  /** What the length of a bar is, with its unit. */
  readonly xLabel: string;
  readonly bars: readonly Bar[];
  /** Text at the end of a bar (default: four significant digits). */
  readonly format?: (value: number) => string;
}

export interface BarsFigureOptions {
  readonly panels: readonly BarsPanel[];
  readonly title: string;
  readonly caption: string;
  readonly name?: string;
}

export function barsFigure({ panels, title, caption, name = "bars" }: BarsFigureOptions): Figure {
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: panels.map((panel) => panelOf(draw(panel), panel.heading)) }),
    rows: panels.flatMap(({ heading, xLabel, bars }) =>
      bars.map(({ label, value }) => ({ panel: heading ?? xLabel, label, value }))
    ),
  };
}

function draw({ xLabel, bars, format = (value) => String(Number(value.toPrecision(4))) }: BarsPanel): SVGSVGElement {
  return plot({
    width: 360,
    height: 66 + 26 * bars.length,
    marginTop: 10,
    marginLeft: 118,
    marginRight: 58,
    x: { label: xLabel, labelAnchor: "center", labelArrow: "none", grid: true, ticks: 5 },
    y: { domain: bars.map(({ label }) => label), label: null, tickSize: 0, padding: 0.25 },
    marks: [
      Plot.barX(bars, { x: "value", y: "label", fill: ({ colour = okabeIto.blue }: Bar) => colour }),
      Plot.ruleX([0]),
      Plot.text(bars, {
        x: "value",
        y: "label",
        text: ({ value }: Bar) => format(value),
        textAnchor: "start",
        dx: 4,
      }),
    ],
  });
}
