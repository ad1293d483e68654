/** Whether saliency maps point at lesions: trained networks beside random ones, with 1 = chance. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink, okabeIto, plot } from "../style.ts";

export interface LesionRatio {
  readonly seed: number;
  /** e.g. "gradcam". */
  readonly method: string;
  readonly layer: string;
  readonly scans: number;
  /** Mean over the scans with its 95 % interval. */
  readonly trained: number;
  readonly trainedLow: number;
  readonly trainedHigh: number;
  readonly random: number;
  readonly randomLow: number;
  readonly randomHigh: number;
  /** What a perfect map reaches. */
  readonly ceiling: number;
}

export interface LesionRatiosOptions {
  readonly ratios: readonly LesionRatio[];
  readonly name?: string;
}

const names: Readonly<Record<string, string>> = {
  gradcam: "Grad-CAM",
  hirescam: "HiResCAM",
  layercam: "LayerCAM",
  occlusion: "occlusion",
};

export function lesionRatios({ ratios, name = "lesion-ratios" }: LesionRatiosOptions): Figure {
  const seeds = [...new Set(ratios.map(({ seed }) => seed))], ceiling = ratios[0]!.ceiling;
  const title = "Do the maps point at the lesions?";
  const caption =
    "Lesion ratio: the lesions' share of the hottest 5 % of the lung over their share of the lung, mean over " +
    `${
      ratios[0]!.scans
    } scans with its 95 % bootstrap interval, for ${seeds.length} trained networks (seeds) and for ` +
    `networks with random weights. The line at 1 is chance; a perfect map reaches ${ceiling.toFixed(1)}.`;
  const svg = drawing(ratios);
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(svg)] }),
    rows: ratios.map((ratio) => ({
      seed: ratio.seed,
      method: ratio.method,
      layer: ratio.layer,
      scans: ratio.scans,
      trained: ratio.trained,
      trained_low: ratio.trainedLow,
      trained_high: ratio.trainedHigh,
      random: ratio.random,
      random_low: ratio.randomLow,
      random_high: ratio.randomHigh,
      ceiling: ratio.ceiling,
    })),
  };
}

function drawing(ratios: readonly LesionRatio[]): SVGSVGElement {
  const points = ratios.flatMap((ratio) => {
    const label = `${names[ratio.method] ?? ratio.method} ${ratio.layer}, seed ${ratio.seed}`;
    return [
      { label, weights: "trained", value: ratio.trained, low: ratio.trainedLow, high: ratio.trainedHigh },
      { label, weights: "random", value: ratio.random, low: ratio.randomLow, high: ratio.randomHigh },
    ] as const;
  });
  const looks = [
    { weights: "trained", text: "● trained", colour: okabeIto.vermillion, symbol: "circle", dy: -3.5 },
    { weights: "random", text: "■ random weights", colour: colours.guide, symbol: "square", dy: 3.5 },
  ] as const;
  const labels = [...new Set(points.map(({ label }) => label))];
  return plot({
    width: 500,
    height: 84 + 22 * labels.length,
    marginLeft: 162,
    marginTop: 30,
    x: { label: "lesion ratio", labelAnchor: "center", labelArrow: "none", grid: true, zero: true, nice: true },
    y: { domain: labels, label: null, type: "band", tickSize: 0 },
    marks: [
      Plot.ruleX([1], { stroke: ink, strokeWidth: 1.5 }),
      ...looks.flatMap(({ weights, text, colour, symbol, dy }, i) => {
        const own = points.filter((point) => point.weights === weights);
        return [
          Plot.link(own, { x1: "low", x2: "high", y1: "label", y2: "label", stroke: colour, strokeWidth: 2, dy }),
          Plot.dot(own, { x: "value", y: "label", r: 3.6, symbol, fill: colour, dy }),
          Plot.text([text], { frameAnchor: "top-left", dx: 100 * i, dy: -20, fill: colour, fontWeight: 700 }),
        ];
      }),
      Plot.frame({ stroke: "#d0d0d0" }),
    ],
  });
}
