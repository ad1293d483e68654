/** Reliability diagrams: what happened against what was predicted, above the histogram of the predictions. */
import * as Plot from "@observablehq/plot";
import type { ReliabilityBin } from "../../evaluate/calibration.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, plot } from "../style.ts";

export interface ReliabilityPanel {
  readonly heading: string;
  readonly bins: readonly ReliabilityBin[];
  readonly ece: number;
  readonly brier: number;
  /** What the probability is of, e.g. "COVID-19". */
  readonly of: string;
  /** What is counted, e.g. "share of COVID-19". */
  readonly observed: string;
  readonly colour: string;
}

export interface ReliabilityOptions {
  readonly panels: readonly ReliabilityPanel[];
  /** Panels in a row (default: all); 1 stays legible at the width of a paper's column. */
  readonly columns?: number;
  readonly name?: string;
}

interface Filled extends ReliabilityBin {
  readonly sd: number;
}

export function reliabilityFigure(
  { panels, columns = panels.length, name = "reliability" }: ReliabilityOptions,
): Figure {
  const title = "Reliability of the probabilities";
  const caption = `${panels.map(({ heading }) => heading).join(" and ")}: observed share against mean predicted ` +
    "probability in bins of equal width (dots, area by number of scans; bars ± one binomial standard error), and how " +
    "many scans are in each bin. Calibrated probabilities lie on the dashed line; under it they promise too much.";
  return {
    name,
    title,
    caption,
    svg: frame({
      title,
      caption,
      columns,
      panels: panels.map((panel) => panelOf(drawPanel(panel), panel.heading)),
    }),
    rows: panels.flatMap(({ heading, bins }) =>
      bins.map(({ low, high, scans, predicted, observed }) => ({
        task: heading,
        low,
        high,
        scans,
        predicted: scans === 0 ? null : predicted,
        observed: scans === 0 ? null : observed,
      }))
    ),
  };
}

const width = 360, curveHeight = 314, histogramHeight = 120;

function drawPanel(panel: ReliabilityPanel): SVGSVGElement {
  const histogram = drawHistogram(panel);
  histogram.setAttribute("y", String(curveHeight));
  return svgElement("svg", { width, height: curveHeight + histogramHeight }, [
    drawCurve(panel),
    histogram,
  ]) as SVGSVGElement;
}

function drawCurve({ bins, ece, brier, observed, colour }: ReliabilityPanel): SVGSVGElement {
  const filled = bins.filter(({ scans }) => scans > 0).map((bin): Filled => {
    return { ...bin, sd: Math.sqrt(bin.observed * (1 - bin.observed) / bin.scans) };
  });
  const place = { x: "predicted", y: "observed" } as const;
  return plot({
    width,
    height: curveHeight,
    marginTop: 26,
    marginBottom: 20,
    x: { domain: [0, 1], label: null, grid: true },
    y: { domain: [0, 1], label: observed, labelAnchor: "center", labelArrow: "none", grid: true },
    r: { range: [0, 9], domain: [0, Math.max(1, ...filled.map(({ scans }) => scans))] },
    marks: [
      Plot.line([[0, 0], [1, 1]], { stroke: colours.guide, strokeDasharray: "5 4" }),
      Plot.ruleX(filled, {
        x: "predicted",
        y1: ({ observed, sd }: Filled) => Math.max(0, observed - sd),
        y2: ({ observed, sd }: Filled) => Math.min(1, observed + sd),
        stroke: colour,
        strokeOpacity: 0.6,
      }),
      Plot.line(filled, { ...place, stroke: colour, strokeWidth: 1.5 }),
      Plot.dot(filled, { ...place, r: "scans", fill: colour, clip: false }),
      Plot.text([`ECE ${ece.toFixed(3)}   Brier ${brier.toFixed(3)}`], {
        frameAnchor: "top-left",
        dx: 4,
        dy: -16,
        fill: colour,
        fontWeight: 700,
      }),
    ],
  });
}

function drawHistogram({ bins, of, colour }: ReliabilityPanel): SVGSVGElement {
  return plot({
    width,
    height: histogramHeight,
    marginTop: 6,
    x: { domain: [0, 1], label: `predicted probability of ${of}`, labelAnchor: "center", labelArrow: "none" },
    y: { label: "scans", labelAnchor: "center", labelArrow: "none", ticks: 3, tickFormat: "d", grid: true },
    marks: [
      Plot.rectY(bins, { x1: "low", x2: "high", y: "scans", fill: colour, fillOpacity: 0.55, inset: 0.5 }),
      Plot.ruleY([0]),
    ],
  });
}
