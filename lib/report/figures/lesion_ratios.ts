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

/** Networks of one kind on phantoms of one kind: a panel of its own. */
export interface LesionRatioGroup {
  /** Name in the table, e.g. "demo". */
  readonly recipe: string;
  readonly heading: string;
  /** "settled": the batch norms of the random networks have met the scans. */
  readonly random: "fresh" | "settled";
  /** At least one. */
  readonly ratios: readonly LesionRatio[];
}

export interface LesionRatiosOptions {
  /** At least one; all are drawn on one scale. */
  readonly groups: readonly LesionRatioGroup[];
  readonly name?: string;
}

const names: Readonly<Record<string, string>> = {
  gradcam: "Grad-CAM",
  hirescam: "HiResCAM",
  layercam: "LayerCAM",
  occlusion: "occlusion",
};

export function lesionRatios({ groups, name = "lesion-ratios" }: LesionRatiosOptions): Figure {
  const title = "Do the maps point at the lesions?";
  const caption =
    "Lesion ratio: the lesions' share of the hottest 5 % of the lung over their share of the lung, mean over scans with " +
    "its 95 % bootstrap interval, for trained networks and for networks with random weights (settled: their batch norms " +
    `have met the scans). The line at 1 is chance. ${groups.map(sentence).join(" ")}`;
  const largest = Math.max(...groups.flatMap(({ ratios }) => ratios.flatMap((r) => [r.trainedHigh, r.randomHigh])));
  const panels = groups.map((group) => panelOf(drawing(group, largest), group.heading));
  return { name, title, caption, svg: frame({ title, caption, columns: 1, panels }), rows: groups.flatMap(rowsOf) };
}

function sentence({ heading, random, ratios }: LesionRatioGroup): string {
  const seeds = new Set(ratios.map(({ seed }) => seed)).size;
  const ceilings = range(ratios.map(({ ceiling }) => ceiling.toFixed(1)));
  return `${heading}: ${seeds} ${seeds === 1 ? "seed" : "seeds"}, ${range(ratios.map(({ scans }) => String(scans)))} ` +
    `scans each, random networks ${random}; a perfect map reaches ${ceilings}.`;
}

/** "6.5", or "6.5 to 6.6". */
function range(values: readonly string[]): string {
  const [least, ...more] = [...new Set(values)].sort((a, b) => Number(a) - Number(b));
  return more.length === 0 ? least! : `${least} to ${more.at(-1)}`;
}

function rowsOf({ recipe, random, ratios }: LesionRatioGroup) {
  return ratios.map((ratio) => ({
    recipe,
    seed: ratio.seed,
    method: ratio.method,
    layer: ratio.layer,
    scans: ratio.scans,
    trained: ratio.trained,
    trained_low: ratio.trainedLow,
    trained_high: ratio.trainedHigh,
    random_networks: random,
    random: ratio.random,
    random_low: ratio.randomLow,
    random_high: ratio.randomHigh,
    ceiling: ratio.ceiling,
  }));
}

function drawing({ ratios, random }: LesionRatioGroup, largest: number): SVGSVGElement {
  const points = ratios.flatMap((ratio) => {
    const label = `${names[ratio.method] ?? ratio.method} ${ratio.layer}, seed ${ratio.seed}`;
    return [
      { label, weights: "trained", value: ratio.trained, low: ratio.trainedLow, high: ratio.trainedHigh },
      { label, weights: "random", value: ratio.random, low: ratio.randomLow, high: ratio.randomHigh },
    ] as const;
  });
  const looks = [
    { weights: "trained", text: "● trained", colour: okabeIto.vermillion, symbol: "circle", dy: -3.5 },
    { weights: "random", text: `■ random weights, ${random}`, colour: colours.guide, symbol: "square", dy: 3.5 },
  ] as const;
  const labels = [...new Set(points.map(({ label }) => label))];
  return plot({
    width: 500,
    height: 84 + 22 * labels.length,
    marginLeft: 162,
    marginTop: 30,
    x: {
      domain: [0, largest],
      label: "lesion ratio",
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      zero: true,
      nice: true,
    },
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
