/** Scores of the presence decision as its threshold moves. */
import * as Plot from "@observablehq/plot";
import type { ThresholdPoint } from "../../evaluate/thresholds.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { ink, okabeIto, plot } from "../style.ts";

export interface ThresholdCurvesOptions {
  readonly curve: readonly ThresholdPoint[];
  /** Of the scans: where the decisions change. */
  readonly probabilities: readonly number[];
  /** The threshold of the reported decisions. */
  readonly used: number;
  readonly name?: string;
}

const series = [
  { score: "macroF1", label: "macro F1", colour: ink, dash: "none", width: 2.6 },
  { score: "sensitivity", label: "sensitivity", colour: okabeIto.vermillion, dash: "none", width: 1.8 },
  { score: "specificity", label: "specificity", colour: okabeIto.blue, dash: "7 3", width: 1.8 },
  { score: "precision", label: "precision", colour: okabeIto.green, dash: "2 3", width: 1.8 },
  { score: "youden", label: "Youden's J", colour: okabeIto.purple, dash: "9 3 2 3", width: 1.8 },
] as const;

export function thresholdCurves({ curve, probabilities, used, name = "thresholds" }: ThresholdCurvesOptions): Figure {
  const title = "Scores of presence at other thresholds";
  const caption =
    "A scan is called COVID-19 when its probability is at least the threshold. The vertical line is the " +
    `threshold of the reported scores, ${used.toFixed(3)}. A threshold must be chosen on other scans than those that ` +
    "are scored.";
  // A point's decision holds for every threshold up to the smallest probability that it calls positive.
  const ends = curve.map((point) => ({
    ...point,
    threshold: Math.min(1, ...probabilities.filter((p) => p >= point.threshold)),
  }));
  const steps = [...(curve.length === 0 ? [] : [{ ...curve[0]!, threshold: 0 }]), ...ends];
  const svg = plot({
    width: 520,
    height: 330,
    marginTop: 14,
    marginRight: 104,
    x: { domain: [0, 1], label: "threshold of the probability", labelAnchor: "center", labelArrow: "none", grid: true },
    y: {
      domain: [Math.min(0, ...curve.map(({ youden }) => youden)), 1],
      label: "score",
      labelArrow: "none",
      labelAnchor: "center",
      grid: true,
    },
    marks: [
      Plot.ruleX([used], { stroke: "#666666", strokeDasharray: "3 3" }),
      ...series.flatMap(({ score, colour, dash, width }) =>
        Plot.line(steps.filter((point) => Number.isFinite(point[score])), {
          x: "threshold",
          y: score,
          stroke: colour,
          strokeWidth: width,
          strokeDasharray: dash,
          curve: "step-before",
        })
      ),
      ...series.map(({ label, colour }, i) =>
        Plot.text([label], {
          frameAnchor: "top-right",
          textAnchor: "start",
          dx: 12,
          dy: 8 + 18 * i,
          fill: colour,
          fontWeight: 700,
        })
      ),
    ],
  });
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(svg)] }),
    rows: curve.map((point) => ({
      threshold: point.threshold,
      true_positives: point.truePositives,
      false_positives: point.falsePositives,
      false_negatives: point.falseNegatives,
      true_negatives: point.trueNegatives,
      ...Object.fromEntries(
        (["sensitivity", "specificity", "precision", "f1", "macroF1", "accuracy", "youden"] as const)
          .map((score) => [score === "macroF1" ? "macro_f1" : score, finite(point[score])]),
      ),
    })),
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
