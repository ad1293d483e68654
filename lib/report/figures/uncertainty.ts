/** Monte-Carlo dropout, or several models: the probability of each scan against its spread, errors marked. */
import * as Plot from "@observablehq/plot";
import type { Prediction, Truth } from "../../evaluate/prediction.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, plot } from "../style.ts";

export interface UncertaintyOptions {
  /** With `uncertainty`; others are left out. */
  readonly predictions: readonly Prediction[];
  /** Beside `predictions`; without it nothing is right or wrong. */
  readonly truth?: readonly Truth[];
  /** What the samples are: passes with dropout (default), or the models of an ensemble. */
  readonly samples?: "passes" | "models";
  readonly name?: string;
}

interface Point {
  readonly key: string;
  readonly probability: number;
  readonly deviation: number;
  readonly entropy: number;
  readonly mutualInformation: number;
  readonly right: boolean | null;
}

export function uncertaintyFigure(options: UncertaintyOptions): Figure {
  const { predictions, truth, samples: kind = "passes", name = "uncertainty" } = options;
  const points = predictions.flatMap((prediction, i): Point[] => {
    const { key, presence, presenceProbability: probability, uncertainty } = prediction;
    const spread = uncertainty?.presence, label = truth?.[i]?.presence;
    if (!spread || probability === null) return [];
    const { entropy, mutualInformation, standardDeviation } = spread;
    const right = label === undefined ? null : label === presence;
    return [{ key, probability, deviation: standardDeviation[1]!, entropy, mutualInformation, right }];
  });
  const samples = predictions.find(({ uncertainty }) => uncertainty)?.uncertainty?.samples ?? 0;
  const isDropout = kind === "passes";
  const title = isDropout ? "Uncertainty by Monte-Carlo dropout" : "Disagreement of several models";
  const wrong = points.filter(({ right }) => right === false);
  const source = isDropout ? "passes with dropout" : "models";
  const caption = `Each dot is a scan: mean presence probability over ${samples} ${source}, against their ` +
    "standard deviation (left) and against the mutual information of answer and weights (right). Crosses are scans " +
    `whose answer is wrong (${wrong.length} of ${points.length}).`;
  const panels = [
    panelOf(scatter(points, "deviation", "standard deviation of the probability"), "Spread"),
    panelOf(scatter(points, "mutualInformation", "mutual information (nats)"), "Mutual information"),
  ];
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels }),
    rows: points.map(({ key, probability, deviation, entropy, mutualInformation, right }) => ({
      key,
      presence_probability: probability,
      presence_sd: deviation,
      presence_entropy: entropy,
      presence_mutual_information: mutualInformation,
      right,
    })),
  };
}

function scatter(points: readonly Point[], y: "deviation" | "mutualInformation", label: string): SVGSVGElement {
  const errors = points.filter(({ right }) => right === false);
  const others = points.filter(({ right }) => right !== false);
  const place = { x: "probability", y } as const;
  return plot({
    width: 380,
    height: 320,
    marginLeft: 64,
    marginTop: 26,
    x: { domain: [0, 1], label: "mean probability of COVID-19", labelAnchor: "center", labelArrow: "none", grid: true },
    y: { label, labelAnchor: "center", labelArrow: "none", grid: true, zero: true, nice: true },
    marks: [
      Plot.ruleX([0.5], { stroke: colours.guide, strokeDasharray: "5 4" }),
      Plot.dot(others, { ...place, r: 4, fill: colours.correct, fillOpacity: 0.6 }),
      Plot.dot(errors, { ...place, r: 5, symbol: "times", stroke: colours.wrong, strokeWidth: 2.4 }),
      Plot.text(["● right"], { frameAnchor: "top-left", dx: 4, dy: -16, fill: colours.correct, fontWeight: 700 }),
      Plot.text(["× wrong"], { frameAnchor: "top-left", dx: 74, dy: -16, fill: colours.wrong, fontWeight: 700 }),
    ],
  });
}
