/** The original program's coordinate distortion: where the output samples the input, along an axis and in the plane. */
import * as Plot from "@observablehq/plot";
import { distort, distortionFactor } from "../../data/distortion.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

export interface DistortionMapOptions {
  /** f of f t³ + (1 − f) t (default 0.5, the program's). */
  readonly factor?: number;
  /** Grid lines on each axis (default 17). */
  readonly lines?: number;
  readonly name?: string;
}

export function distortionMap(options: DistortionMapOptions = {}): Figure {
  const { factor = distortionFactor, lines = 17, name = "distortion" } = options;
  const title = "Coordinate distortion";
  const caption =
    `The 2022 program samples position ${factor} t³ + ${1 - factor} t of the input for position t of the ` +
    `output, −1 and 1 being the borders (left; dashed: no distortion). So ${lines} evenly spaced lines of the output lie ` +
    "close together in the middle of the input and far apart at its borders (right). The paper does not mention it; " +
    "the kit leaves it off unless asked.";
  const rows = Array.from({ length: 81 }, (_, i) => {
    const output = -1 + i / 40;
    return { output, input: distort(output, factor) };
  });
  const panels = [panelOf(curve(rows)), panelOf(grid(factor, lines))];
  return { name, title, caption, svg: frame({ title, caption, panels }), rows };
}

const axis = { labelAnchor: "center", labelArrow: "none", domain: [-1, 1], ticks: 5 } as const;
const square = { width: 248, height: 248, marginTop: 12, marginRight: 14, marginLeft: 50 } as const;

function curve(rows: readonly { readonly output: number; readonly input: number }[]): SVGSVGElement {
  return plot({
    ...square,
    x: { ...axis, label: "position in the output", grid: true },
    y: { ...axis, label: "position in the input", grid: true },
    marks: [
      Plot.line([[-1, -1], [1, 1]], { stroke: colours.guide, strokeDasharray: "5 4" }),
      Plot.line(rows, { x: "output", y: "input", stroke: okabeIto.blue, strokeWidth: 2.2 }),
    ],
  });
}

function grid(factor: number, lines: number): SVGSVGElement {
  const places = Array.from({ length: lines }, (_, i) => distort(-1 + 2 * i / (lines - 1), factor));
  return plot({
    ...square,
    x: { ...axis, label: "column in the input" },
    y: { ...axis, label: "row in the input" },
    marks: [
      Plot.ruleX(places, { stroke: okabeIto.blue, strokeWidth: 1 }),
      Plot.ruleY(places, { stroke: okabeIto.blue, strokeWidth: 1 }),
      Plot.frame({ stroke: "#1b1b1b" }),
    ],
  });
}
