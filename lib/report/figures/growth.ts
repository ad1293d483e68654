/** How a cost grows with the amount of work: lines with a symbol per measurement, both axes logarithmic. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { plot, seriesStyles } from "../style.ts";

export interface GrowthPoint {
  /** Which line, e.g. "kit tensorflow". */
  readonly side: string;
  /** Amount of work, in the unit of `xLabel`. */
  readonly x: number;
  readonly y: number;
}

export interface GrowthPanel {
  /** What is on the vertical axis, with its unit: "seconds per step". */
  readonly yLabel: string;
  readonly points: readonly GrowthPoint[];
}

export interface GrowthOptions {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  /** What grows, e.g. "voxels". */
  readonly xLabel: string;
  /** At least one, each with at least one point. */
  readonly panels: readonly GrowthPanel[];
}

export function growth({ name, title, caption, xLabel, panels }: GrowthOptions): Figure {
  const sides = [...new Set(panels.flatMap(({ points }) => points.map(({ side }) => side)))];
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: panels.map((panel) => panelOf(drawing(panel, sides, xLabel))) }),
    rows: panels.flatMap(({ yLabel, points }) =>
      points.map(({ side, x, y }) => ({ what: yLabel, side, [xLabel]: x, value: y }))
    ),
  };
}

function drawing({ yLabel, points }: GrowthPanel, sides: readonly string[], xLabel: string): SVGSVGElement {
  const style = (side: string) => seriesStyles[sides.indexOf(side) % seriesStyles.length]!;
  const domain = (values: readonly number[]) => [Math.min(...values) / 1.25, Math.max(...values) * 1.25];
  const drawn = sides.filter((side) => points.some((point) => point.side === side));
  return plot({
    width: 248,
    height: 230 + 16 * sides.length,
    marginLeft: 46,
    marginRight: 12,
    marginTop: 26 + 16 * sides.length,
    x: {
      type: "log",
      domain: domain(points.map(({ x }) => x)),
      label: xLabel,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 3,
      tickFormat: "~s",
    },
    y: {
      type: "log",
      domain: domain(points.map(({ y }) => y)),
      label: yLabel,
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      ticks: 4,
      tickFormat: "~g",
    },
    marks: [
      ...drawn.flatMap((side) => {
        const own = points.filter((point) => point.side === side), { colour, symbol } = style(side);
        return [
          Plot.line(own, { x: "x", y: "y", stroke: colour, strokeWidth: 1.5 }),
          Plot.dot(own, { x: "x", y: "y", r: 4, symbol, fill: colour }),
        ];
      }),
      ...drawn.map((side, i) =>
        Plot.text([`${style(side).mark} ${side}`], {
          frameAnchor: "top-left",
          dx: 6,
          dy: -16 * (drawn.length - i),
          fill: style(side).colour,
          fontWeight: 700,
        })
      ),
      Plot.frame({ stroke: "#d0d0d0" }),
    ],
  });
}
