/** Confusion matrices: rows are the truth, columns the predictions, shade is the share of the row. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { ink, okabeIto, plot } from "../style.ts";

export interface ConfusionPanel {
  readonly heading: string;
  readonly labels: readonly string[];
  /** `matrix[truth][predicted]` = number of scans. */
  readonly matrix: readonly (readonly number[])[];
}

export interface ConfusionOptions {
  readonly panels: readonly ConfusionPanel[];
  /** Panels in a row (default: all); 1 stays legible at the width of a paper's column. */
  readonly columns?: number;
  readonly name?: string;
}

interface Cell {
  readonly truth: string;
  readonly predicted: string;
  readonly scans: number;
  /** Of the scans of this true class. */
  readonly share: number;
}

export function confusionFigure({ panels, columns = panels.length, name = "confusion" }: ConfusionOptions): Figure {
  const title = "Confusion matrices";
  const caption = `${panels.map(({ heading }) => heading).join(" and ")}: true class (rows) against predicted class ` +
    "(columns), number of scans and share of the row. A perfect classifier fills only the diagonal.";
  return {
    name,
    title,
    caption,
    svg: frame({
      title,
      caption,
      columns,
      panels: panels.map((panel) => panelOf(drawMatrix(panel), panel.heading)),
    }),
    rows: panels.flatMap((panel) =>
      cellsOf(panel).map(({ truth, predicted, scans, share }) => ({
        task: panel.heading,
        truth,
        predicted,
        scans,
        share_of_truth: share,
      }))
    ),
  };
}

function cellsOf({ labels, matrix }: ConfusionPanel): Cell[] {
  return labels.flatMap((truth, t) => {
    const total = matrix[t]!.reduce((sum, count) => sum + count, 0);
    return labels.map((predicted, p) => {
      const scans = matrix[t]![p]!;
      return { truth, predicted, scans, share: total === 0 ? 0 : scans / total };
    });
  });
}

function drawMatrix(panel: ConfusionPanel): SVGSVGElement {
  const cells = cellsOf(panel);
  const wide = panel.labels.length > 2;
  const label = { fill: (cell: Cell) => (cell.share > 0.55 ? "#ffffff" : ink), x: "predicted", y: "truth" };
  return plot({
    width: wide ? 430 : 330,
    height: wide ? 360 : 300,
    marginLeft: 92,
    marginTop: 12,
    padding: 0.03,
    x: { domain: panel.labels, label: "predicted", labelAnchor: "center", labelArrow: "none", tickSize: 0 },
    y: { domain: panel.labels, label: "truth", labelAnchor: "center", labelArrow: "none", tickSize: 0 },
    marks: [
      Plot.cell(cells, {
        x: "predicted",
        y: "truth",
        fill: (cell: Cell) => shade(cell.share),
        stroke: "#c8c8c8",
      }),
      Plot.text(cells, { ...label, text: (cell: Cell) => String(cell.scans), fontSize: 17, fontWeight: 700, dy: -7 }),
      Plot.text(cells, { ...label, text: (cell: Cell) => `${Math.round(100 * cell.share)} %`, fontSize: 11, dy: 11 }),
    ],
  });
}

/** White to blue. */
function shade(share: number): string {
  const channel = (at: number) => {
    const full = parseInt(okabeIto.blue.slice(at, at + 2), 16);
    return Math.round(255 + (full - 255) * share).toString(16).padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}
