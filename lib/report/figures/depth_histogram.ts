/** How many slices the scans have, by class: two humps in COV19-CT-DB (figure 1 of the paper). */
import * as Plot from "@observablehq/plot";
import type { Scan } from "../../data/types.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, plot } from "../style.ts";

export interface DepthHistogramOptions {
  readonly scans: readonly Pick<Scan, "key" | "split" | "presence" | "slices">[];
  readonly bins?: number;
  /** Sentence at the end of the caption. */
  readonly note?: string;
  readonly name?: string;
}

const classes = [
  { label: "COVID-19", colour: colours.positive },
  { label: "non-COVID-19", colour: colours.negative },
  { label: "unlabelled", colour: colours.guide },
] as const;

export function depthHistogram({ scans, bins = 24, note, name = "depth-histogram" }: DepthHistogramOptions): Figure {
  const title = "Slices per scan";
  const caption = `Number of slices in each of ${scans.length} scans, by class.${note === undefined ? "" : ` ${note}`}`;
  const rows = scans.map(({ key, split, presence, slices }) => ({
    scan: key,
    split,
    class: presence === undefined ? "unlabelled" : presence ? "COVID-19" : "non-COVID-19",
    slices: slices.length,
  }));
  const present = classes.filter(({ label }) => rows.some((row) => row.class === label));
  const svg = plot({
    width: 500,
    height: 260,
    color: { domain: present.map(({ label }) => label), range: present.map(({ colour }) => colour) },
    x: { label: "slices in the scan", labelAnchor: "center", labelArrow: "none", nice: true, zero: true },
    y: { label: "scans", labelAnchor: "center", labelArrow: "none", grid: true },
    marks: [
      Plot.rectY(
        rows,
        Plot.binX<Plot.RectYOptions>({ y: "count" }, { x: "slices", fill: "class", thresholds: bins, inset: 0.5 }),
      ),
      Plot.ruleY([0]),
      ...present.map(({ label, colour }, i) =>
        Plot.text([`■ ${label}`], { frameAnchor: "top-left", dx: 4 + i * 130, dy: -18, fill: colour, fontWeight: 700 })
      ),
    ],
  });
  return { name, title, caption, svg: frame({ title, caption, panels: [panelOf(svg)] }), rows };
}
