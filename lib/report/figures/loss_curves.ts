/** What one scan costs: the presence loss against its logit, the severity loss against how far "positive" is ahead. */
import * as Plot from "@observablehq/plot";
import { crossEntropy, supersetLoss } from "../../train/cross_entropy.ts";
import { presenceItem } from "../../train/presence_loss.ts";
import { presenceTarget } from "../../train/targets.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

export interface LossCurvesOptions {
  /** ε1 of the smoothed curves (default 0.1). */
  readonly smoothing?: number;
  /** n_negative / n_positive of the training scans (default 1110 / 882, COV19-CT-DB of 2022). */
  readonly positiveTerm?: number;
  /** Logits and margins run from −range to range (default 6). */
  readonly range?: number;
  readonly name?: string;
}

interface Series {
  readonly panel: "presence" | "severity";
  readonly series: string;
  readonly colour: string;
  readonly dash: string;
  readonly loss: (x: number) => number;
}

export function lossCurves(options: LossCurvesOptions = {}): Figure {
  const { smoothing = 0.1, positiveTerm = 1110 / 882, range = 6, name = "losses" } = options;
  const series = seriesOf(smoothing, positiveTerm);
  const points = Array.from({ length: 121 }, (_, i) => range * (i - 60) / 60);
  const rows = series.flatMap(({ panel, series, loss }) =>
    points.map((x) => ({ panel, series, x, loss: Math.round(loss(x) * 1e6) / 1e6 }))
  );
  const title = "Losses";
  const caption =
    `Left: the presence loss of one scan against its logit z, without smoothing and with ε1 = ${smoothing} ` +
    `(the least loss then lies at a finite logit); positives weigh ${
      positiveTerm.toFixed(3)
    }. Right: the severity loss ` +
    "against the margin logsumexp(four grades) − negative, the four grades being equally likely: a positive without a " +
    "grade (superset loss) is satisfied when the grades win together, one with a grade not before the right grade does.";
  const panels = (["presence", "severity"] as const).map((panel) =>
    panelOf(drawing(series.filter((one) => one.panel === panel), rows.filter((row) => row.panel === panel), panel))
  );
  return { name, title, caption, svg: frame({ title, caption, panels }), rows };
}

function seriesOf(smoothing: number, positiveTerm: number): Series[] {
  const presence = (positive: boolean, epsilon: number) => (z: number) =>
    presenceItem(z, presenceTarget(positive, epsilon), positiveTerm).loss;
  // Four equal grades at 0 have logsumexp log 4, so the negative logit for margin m is log 4 − m.
  const logits = (margin: number) => [0, 0, 0, 0, Math.log(4) - margin];
  const graded = (target: readonly number[]) => (margin: number) => crossEntropy(logits(margin), target).loss;
  const { positive, negative } = colours;
  return [
    { panel: "presence", series: "positive", colour: positive, dash: "none", loss: presence(true, 0) },
    {
      panel: "presence",
      series: `positive, ε1 = ${smoothing}`,
      colour: positive,
      dash: "6 3",
      loss: presence(true, smoothing),
    },
    { panel: "presence", series: "negative", colour: negative, dash: "none", loss: presence(false, 0) },
    {
      panel: "presence",
      series: `negative, ε1 = ${smoothing}`,
      colour: negative,
      dash: "6 3",
      loss: presence(false, smoothing),
    },
    {
      panel: "severity",
      series: "positive, no grade",
      colour: okabeIto.purple,
      dash: "none",
      loss: (m) => supersetLoss(logits(m)).loss,
    },
    { panel: "severity", series: "mild", colour: okabeIto.green, dash: "6 3", loss: graded([1, 0, 0, 0, 0]) },
    { panel: "severity", series: "negative", colour: negative, dash: "2 3", loss: graded([0, 0, 0, 0, 1]) },
  ];
}

function drawing(
  series: readonly Series[],
  rows: readonly { readonly series: string; readonly x: number; readonly loss: number }[],
  panel: Series["panel"],
): SVGSVGElement {
  return plot({
    width: 248,
    height: 270,
    marginTop: 76,
    marginLeft: 44,
    marginRight: 12,
    x: {
      label: panel === "presence" ? "logit z" : "margin of the grades",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 7,
    },
    y: { label: "loss", labelAnchor: "center", labelArrow: "none", grid: true, domain: [0, 8] },
    marks: [
      Plot.ruleX([0], { stroke: "#d0d0d0" }),
      Plot.ruleY([0]),
      ...series.map(({ series, colour, dash }) =>
        Plot.line(rows.filter((row) => row.series === series), {
          x: "x",
          y: "loss",
          stroke: colour,
          strokeWidth: 2,
          strokeDasharray: dash,
        })
      ),
      ...series.flatMap(({ series, colour, dash }, i) => legendLine(series, colour, dash, i)),
    ],
  });
}

/** A piece of the line and its name, above the plot. */
function legendLine(name: string, fill: string, dash: string, i: number): Plot.Markish[] {
  const stroke = dash === "none" ? "━" : dash.startsWith("6") ? "╍" : "┅";
  const at = { frameAnchor: "top-left", dy: -66 + 16 * i, fill, fontWeight: 700 } as const;
  return [Plot.text([`${stroke}${stroke}`], { ...at, dx: -34 }), Plot.text([name], { ...at, dx: -6 })];
}
