/** Receiver operating characteristics of severity: each grade against the other grades. */
import * as Plot from "@observablehq/plot";
import { rocCurve, type RocPoint } from "../../evaluate/auc.ts";
import { type DeLongInterval, delongInterval } from "../../evaluate/delong.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { okabeIto } from "../style.ts";
import { rocLine, rocPlot, rocRow } from "./roc_plot.ts";

export interface SeverityRocOptions {
  /** Class index of each scan. */
  readonly truth: readonly number[];
  /** Probabilities of the classes, scan by scan. */
  readonly probabilities: readonly (readonly number[])[];
  readonly labels: readonly string[];
  readonly name?: string;
}

interface Grade {
  readonly label: string;
  readonly scans: number;
  readonly curve: readonly RocPoint[];
  readonly auc: DeLongInterval;
}

const looks = [
  { stroke: okabeIto.skyBlue, dash: "none" },
  { stroke: okabeIto.green, dash: "8 3" },
  { stroke: okabeIto.orange, dash: "2 3" },
  { stroke: okabeIto.vermillion, dash: "9 3 2 3" },
] as const;

export function severityRoc({ truth, probabilities, labels, name = "severity-roc" }: SeverityRocOptions): Figure {
  const grades = labels.map((label, grade): Grade => {
    const positive = truth.map((t) => t === grade), scores = probabilities.map((row) => row[grade]!);
    const scans = positive.filter(Boolean).length;
    return { label, scans, curve: rocCurve(positive, scores), auc: delongInterval(positive, scores) };
  });
  const drawable = grades.filter(({ curve }) => curve.length > 0);
  const title = "ROC curves of severity, one against the rest";
  const caption = `Each grade against the other grades by its probability: ${
    drawable.map((grade) => `${grade.label} (${grade.scans} scans) ${areaText(grade.auc)}`).join("; ")
  }. Areas with 95 % DeLong intervals; the dashed line is chance.`;
  const look = (grade: Grade) => looks[labels.indexOf(grade.label) % looks.length]!;
  const svg = rocPlot(
    [
      ...drawable.map((grade) =>
        rocLine(grade.curve, { stroke: look(grade).stroke, strokeDasharray: look(grade).dash })
      ),
      ...drawable.map((grade, i) =>
        Plot.text([`${grade.label} (${grade.scans})\n${areaText(grade.auc)}`], {
          frameAnchor: "top-right",
          textAnchor: "start",
          lineAnchor: "top",
          dx: 14,
          dy: 6 + 40 * i,
          fill: look(grade).stroke,
          fontWeight: 700,
          lineHeight: 1.3,
        })
      ),
    ],
    { width: 560, marginRight: 200 },
  );
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(svg)] }),
    rows: drawable.flatMap(({ label, curve }) => curve.map((point) => ({ grade: label, ...rocRow(point) }))),
  };
}

function areaText({ value, low, high }: DeLongInterval): string {
  const bounds = Number.isFinite(low) ? ` (${low.toFixed(3)} – ${high.toFixed(3)})` : "";
  return value.toFixed(3) + bounds;
}
