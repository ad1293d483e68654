/** The loss along a learning-rate sweep, with the suggestions. */
import * as Plot from "@observablehq/plot";
import type { SuggestionName, Suggestions, SweepPoint } from "../../train/lr_find.ts";
import { suggestionNames } from "../../train/lr_find.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

export interface LrFindFigureOptions {
  readonly points: readonly SweepPoint[];
  readonly suggestions: Suggestions;
  readonly name?: string;
}

const suggestionColours: Readonly<Record<SuggestionName, string>> = {
  valley: okabeIto.vermillion,
  minimum: okabeIto.green,
  slide: okabeIto.purple,
  steep: okabeIto.orange,
};

export function lrFindFigure({ points, suggestions, name = "lr-find" }: LrFindFigureOptions): Figure {
  const title = "Learning-rate sweep";
  const caption =
    "Loss of the training batches while the learning rate rises from step to step (line: exponential average, " +
    "β = 0.98; dots: single steps), and the four suggestions (values outside the scale are drawn at its edge).";
  const marked = suggestionNames.flatMap((suggestion) => {
    const rate = suggestions[suggestion];
    return rate === null ? [] : [{ suggestion, rate, loss: lossAt(points, rate) }];
  });
  const rows = points.map(({ learningRate, loss, smoothLoss }) => ({
    learning_rate: learningRate,
    loss,
    smooth_loss: smoothLoss,
  }));
  return {
    name,
    title,
    caption,
    rows,
    svg: frame({ title, caption, panels: [panelOf(drawing(points, marked), title)] }),
  };
}

interface Marked {
  readonly suggestion: SuggestionName;
  readonly rate: number;
  readonly loss: number;
}

function drawing(points: readonly SweepPoint[], marked: readonly Marked[]): SVGSVGElement {
  const smooth = points.map(({ smoothLoss }) => smoothLoss), lowest = Math.min(...smooth);
  // A diverging end would flatten everything else.
  const top = Math.min(Math.max(...smooth), lowest + 3 * (smooth[0]! - lowest) + 0.1 * Math.abs(lowest));
  return plot({
    width: 560,
    height: 340,
    marginTop: 44,
    x: { type: "log", label: "learning rate", labelAnchor: "center", labelArrow: "none", tickFormat: ".0e", ticks: 8 },
    y: {
      label: "loss",
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      domain: [lowest * 0.9, top],
      clamp: true,
    },
    marks: [
      Plot.dot(points, { x: "learningRate", y: "loss", fill: colours.guide, r: 1.6, fillOpacity: 0.6 }),
      Plot.line(points, { x: "learningRate", y: "smoothLoss", stroke: colours.training, strokeWidth: 2 }),
      Plot.ruleX(marked, {
        x: "rate",
        stroke: ({ suggestion }: Marked) => suggestionColours[suggestion],
        strokeDasharray: "4 3",
      }),
      Plot.dot(marked, {
        x: "rate",
        y: "loss",
        r: 5,
        fill: ({ suggestion }: Marked) => suggestionColours[suggestion],
        stroke: "#ffffff",
      }),
      ...marked.map(({ suggestion, rate }, i) =>
        Plot.text([`${suggestion} ${rate.toExponential(1)}`], {
          frameAnchor: "top-left",
          dx: 4 + i * 124,
          dy: -26,
          fill: suggestionColours[suggestion],
          fontWeight: 700,
        })
      ),
    ],
  });
}

/** Smoothed loss of the step whose rate is nearest. */
function lossAt(points: readonly SweepPoint[], rate: number): number {
  const distance = ({ learningRate }: SweepPoint) => Math.abs(Math.log(learningRate / rate));
  return points.reduce((best, point) => distance(point) < distance(best) ? point : best).smoothLoss;
}
