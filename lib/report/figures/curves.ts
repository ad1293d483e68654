/** Functions as curves, panel by panel: for equations that are looked at rather than measured. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { okabeIto, plot } from "../style.ts";

export interface Curve {
  readonly label: string;
  /** y at x; where it is not finite, the curve has a gap. */
  readonly f: (x: number) => number;
  readonly colour?: string;
  /** e.g. "6 3"; drawn through by default. */
  readonly dash?: string;
}

export interface CurvesPanel {
  readonly heading?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** From and to. */
  readonly x: readonly [low: number, high: number];
  /** The curves' own range when left out. */
  readonly y?: readonly [low: number, high: number];
  readonly curves: readonly Curve[];
}

export interface CurvesFigureOptions {
  readonly panels: readonly CurvesPanel[];
  readonly title: string;
  readonly caption: string;
  readonly columns?: number;
  readonly name?: string;
}

const palette = [okabeIto.blue, okabeIto.vermillion, okabeIto.green, okabeIto.purple, okabeIto.orange, okabeIto.black];
const dashes = ["none", "6 3", "2 3", "9 3 2 3", "12 4", "1 4"];
const samples = 160;

/** One plot per panel; the names of the curves stand above it, each with a piece of its line. */
export function curvesFigure(options: CurvesFigureOptions): Figure {
  const { panels, title, caption, columns = Math.min(2, panels.length), name = "curves" } = options;
  const rows = panels.flatMap((panel, i) =>
    panel.curves.flatMap(({ label, f }) =>
      places(panel).map((x) => ({ panel: panel.heading ?? String(i + 1), curve: label, x, y: finite(f(x)) }))
    )
  );
  const most = Math.max(...panels.map(({ curves }) => curves.length));
  const svg = frame({
    title,
    caption,
    columns,
    panels: panels.map((panel) => panelOf(draw(panel, most), panel.heading)),
  });
  return { name, title, caption, svg, rows };
}

function places({ x: [low, high] }: CurvesPanel): number[] {
  return Array.from({ length: samples + 1 }, (_, i) => low + (high - low) * i / samples);
}

function finite(y: number): number | null {
  return Number.isFinite(y) ? Math.round(y * 1e9) / 1e9 : null;
}

function draw(panel: CurvesPanel, legendLines: number): SVGSVGElement {
  const { xLabel, yLabel, y, curves } = panel;
  const style = (i: number) => ({
    colour: curves[i]!.colour ?? palette[i % palette.length]!,
    dash: curves[i]!.dash ?? dashes[i % dashes.length]!,
  });
  const top = 12 + 16 * legendLines;
  return plot({
    width: 330,
    height: 220 + top,
    marginTop: top,
    x: { label: xLabel, labelAnchor: "center", labelArrow: "none", domain: [...panel.x] },
    y: {
      label: yLabel,
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      ...(y ? { domain: [...y], clamp: true } : {}),
    },
    marks: [
      ...(panel.x[0] < 0 && panel.x[1] > 0 ? [Plot.ruleX([0], { stroke: "#d0d0d0" })] : []),
      ...curves.flatMap(({ label, f }, i) => {
        const { colour, dash } = style(i);
        const at = { frameAnchor: "top-left", dy: 6 - top + 16 * i, fill: colour, fontWeight: 700 } as const;
        return [
          Plot.line(places(panel).map((x) => ({ x, y: f(x) })), {
            x: "x",
            y: ({ y }: { y: number }) => Number.isFinite(y) ? y : NaN,
            stroke: colour,
            strokeWidth: 2,
            strokeDasharray: dash,
          }),
          Plot.text([label], { ...at, dx: 34 }),
          Plot.text([dash === "none" ? "━━" : dash.startsWith("6") || dash.startsWith("12") ? "╍╍" : "┅┅"], {
            ...at,
            dx: 4,
          }),
        ];
      }),
    ],
  });
}
