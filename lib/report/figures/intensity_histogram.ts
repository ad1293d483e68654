/** How often each grey value occurs, by class. */
import * as Plot from "@observablehq/plot";
import type { IntensityCounts } from "../../data/intensity_sample.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, plot } from "../style.ts";

export interface IntensityHistogramOptions {
  /** `intensitySample` counts them. */
  readonly samples: readonly (Omit<IntensityCounts, "label"> & { readonly label: string })[];
  /** Grey values in a bar, a divisor of 256 (default 4). */
  readonly binWidth?: number;
  readonly name?: string;
}

const styles = [
  { colour: colours.positive, dash: "none" },
  { colour: colours.negative, dash: "6 3" },
  { colour: colours.guide, dash: "2 3" },
] as const;

export function intensityHistogram(options: IntensityHistogramOptions): Figure {
  const { samples, binWidth = 4, name = "intensities" } = options;
  const title = "Grey values";
  const caption = `Share of the pixels with each grey value (0 … 255, in steps of ${binWidth}) in slices of ` +
    `${
      samples.map(({ label, scans }) => `${scans} ${label} scans`).join(" and ")
    }. The left peak is air and lung, the right one tissue.`;
  const rows = samples.flatMap(({ label, counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return Array.from({ length: Math.ceil(counts.length / binWidth) }, (_, bin) => {
      const pixels = counts.slice(bin * binWidth, (bin + 1) * binWidth).reduce((sum, count) => sum + count, 0);
      return { class: label, grey_value: bin * binWidth, pixels, percent: total === 0 ? 0 : 100 * pixels / total };
    });
  });
  const svg = plot({
    width: 500,
    height: 260,
    marginTop: 34,
    x: {
      label: "grey value",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [0, 256],
      ticks: [0, 64, 128, 192, 255],
    },
    y: {
      type: "sqrt",
      label: "pixels (%, root scale)",
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      ticks: 6,
    },
    marks: [
      Plot.ruleY([0]),
      ...samples.flatMap(({ label }, i) => {
        const { colour, dash } = styles[i % styles.length]!;
        const steps = rows.filter((row) => row.class === label);
        return [
          Plot.line([...steps, { ...steps.at(-1)!, grey_value: 256 }], {
            x: "grey_value",
            y: "percent",
            stroke: colour,
            strokeWidth: 1.8,
            strokeDasharray: dash,
            curve: "step-after",
          }),
          Plot.text([`${dash === "none" ? "━" : "╍"} ${label}`], {
            frameAnchor: "top-left",
            dx: 130 * i,
            dy: -22,
            fill: colour,
            fontWeight: 700,
          }),
        ];
      }),
    ],
  });
  return { name, title, caption, svg: frame({ title, caption, panels: [panelOf(svg)] }), rows };
}
