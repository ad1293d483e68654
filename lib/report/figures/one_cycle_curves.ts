/** Learning rate and momentum of the one-cycle schedule over a training run. */
import * as Plot from "@observablehq/plot";
import { oneCycle, type OneCycleOptions } from "../../train/schedule.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

export interface OneCycleCurvesOptions {
  /** Default: the paper's, with a highest rate of 1e-4. */
  readonly schedule?: OneCycleOptions;
  /** Points of the curves (default 200). */
  readonly points?: number;
  readonly name?: string;
}

export function oneCycleCurves(options: OneCycleCurvesOptions = {}): Figure {
  const { schedule = { lrMax: 1e-4 }, points = 200, name = "one-cycle" } = options;
  const rows = Array.from({ length: points + 1 }, (_, step) => {
    const { lr, momentum } = oneCycle(step, points, schedule);
    return { training_percent: 100 * step / points, learning_rate: lr, momentum };
  });
  const peak = 100 * (schedule.rise ?? 0.25);
  const title = "One-cycle schedule";
  const caption =
    `Learning rate and momentum (β1 of AdamW) over a training run: cosines up to ${schedule.lrMax} in the ` +
    `first ${peak} % of the steps and down in the rest, while the momentum goes the other way.`;
  const curve = (y: "learning_rate" | "momentum", label: string, stroke: string, tickFormat: string) =>
    plot({
      width: 248,
      height: 210,
      marginTop: 16,
      marginLeft: 60,
      marginRight: 14,
      x: { label: "steps done (%)", labelAnchor: "center", labelArrow: "none", domain: [0, 100], ticks: 5 },
      y: {
        label,
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
        zero: y === "learning_rate",
        tickFormat,
        ticks: 5,
      },
      marks: [
        Plot.ruleX([peak], { stroke: colours.guide, strokeDasharray: "3 3" }),
        Plot.line(rows, { x: "training_percent", y, stroke, strokeWidth: 2 }),
      ],
    });
  const panels = [
    panelOf(curve("learning_rate", "learning rate", okabeIto.green, "~e")),
    panelOf(curve("momentum", "momentum β1", okabeIto.blue, ".2f")),
  ];
  return { name, title, caption, svg: frame({ title, caption, panels }), rows };
}
