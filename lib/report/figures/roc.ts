/** Receiver operating characteristic of presence, with the decision rule's own point. */
import * as Plot from "@observablehq/plot";
import type { Interval } from "../../evaluate/intervals.ts";
import type { RocPoint } from "../../evaluate/auc.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink } from "../style.ts";
import { rocLine, rocPlot, rocRow } from "./roc_plot.ts";

export interface RocFigureOptions {
  readonly curve: readonly RocPoint[];
  readonly auc: Interval;
  readonly name?: string;
}

export function rocFigure({ curve, auc, name = "roc" }: RocFigureOptions): Figure {
  const title = "ROC curve of presence";
  const percent = Math.round(100 * auc.level);
  const caption = `Sensitivity against false-positive rate as the threshold on the predicted probability moves; area ` +
    `${auc.value.toFixed(3)} (${percent} % interval ${auc.low.toFixed(3)} to ${auc.high.toFixed(3)}). ` +
    `The dot is the decision at 0.5; the dashed line is chance.`;
  const decision = decisionPoint(curve);
  const svg = rocPlot(
    [
      rocLine(curve, { stroke: colours.presence }),
      Plot.dot([decision], { x: "falsePositiveRate", y: "sensitivity", fill: ink, r: 5, clip: false }),
      Plot.text([`AUC ${auc.value.toFixed(3)}\n${auc.low.toFixed(3)} – ${auc.high.toFixed(3)}`], {
        frameAnchor: "bottom-right",
        dx: -14,
        dy: -14,
        fontSize: 13,
        lineHeight: 1.3,
      }),
    ],
    { width: 380 },
  );
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(svg)] }),
    rows: curve.map(rocRow),
  };
}

/** The last point whose threshold is still at least 0.5. */
function decisionPoint(curve: readonly RocPoint[]): RocPoint {
  return curve.findLast(({ threshold }) => threshold >= 0.5) ?? curve[0]!;
}
