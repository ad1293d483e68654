/** How a run went: loss, macro F1 of both tasks and learning rate against the epoch. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

/** One line of a run's metrics. */
export interface EpochPoint {
  /** 1 = after the first pass over the training scans. */
  readonly epoch: number;
  readonly trainLoss: number;
  readonly validationLoss: number | null;
  /** Learning rate at the end of the epoch; null where the record keeps no steps (then there is no panel of it). */
  readonly learningRate: number | null;
  /** Macro F1 on the validation split; null for an untrained task. */
  readonly presenceF1: number | null;
  readonly severityF1: number | null;
}

export interface TrainingCurvesOptions {
  readonly epochs: readonly EpochPoint[];
  /** Panels in a row (default: all); 1 stays legible at the width of a paper's column. */
  readonly columns?: number;
  readonly name?: string;
}

export function trainingCurves({ epochs, columns = 3, name = "training-curves" }: TrainingCurvesOptions): Figure {
  const title = "Training";
  const hasRate = epochs.some(({ learningRate }) => learningRate !== null);
  const caption =
    "First: loss of the training batches and of the validation scans (values above the scale are drawn at its top). Second: macro F1 on the validation " +
    `scans after each epoch; the ring marks the weights that are kept for each task.${
      hasRate ? " Third: the one-cycle learning rate." : ""
    }`;
  return {
    name,
    title,
    caption,
    svg: frame({
      title,
      caption,
      columns,
      panels: [
        panelOf(lossPlot(epochs), "Loss"),
        panelOf(scorePlot(epochs), "Macro F1, validation"),
        ...(hasRate ? [panelOf(ratePlot(epochs), "Learning rate")] : []),
      ],
    }),
    rows: epochs.map(({ epoch, trainLoss, validationLoss, presenceF1, severityF1, learningRate }) => ({
      epoch,
      train_loss: trainLoss,
      validation_loss: validationLoss,
      presence_f1: presenceF1,
      severity_f1: severityF1,
      learning_rate: learningRate,
    })),
  };
}

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

function series(
  epochs: readonly EpochPoint[],
  label: string,
  colour: string,
  value: (point: EpochPoint) => number | null,
): Series[] {
  const points = epochs.flatMap((point) => {
    const y = value(point);
    return y === null || !Number.isFinite(y) ? [] : [{ epoch: point.epoch, value: y }];
  });
  return points.length === 0 ? [] : [{ label, colour, points }];
}

/** A line with dots per series; the names stand in a row above the plot, in the colour of their line. */
function lines(all: readonly Series[]): Plot.Markish[] {
  return all.flatMap(({ label, colour, points }, i) => [
    Plot.line(points, {
      x: "epoch",
      y: "value",
      stroke: colour,
      strokeWidth: 2,
      ...(i > 0 ? { strokeDasharray: "6 3" } : {}),
    }),
    Plot.dot(points, { x: "epoch", y: "value", fill: colour, r: 2.2 }),
    Plot.text([label], {
      frameAnchor: "top-left",
      dx: 4 + i * 96,
      dy: -18,
      fill: colour,
      fontWeight: 700,
      text: (text: string) => `${i > 0 ? "- - " : "— "}${text}`,
    }),
  ]);
}

function epochAxis(epochs: readonly EpochPoint[]): Plot.ScaleOptions {
  const last = Math.max(1, ...epochs.map(({ epoch }) => epoch));
  const step = Math.max(1, Math.ceil(last / 8));
  const ticks = Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step);
  return {
    label: "epoch",
    labelAnchor: "center",
    labelArrow: "none",
    domain: [Math.min(0.5, last - 1), last + 0.5],
    ticks,
    tickFormat: "d",
  };
}

function yAxis(label: string): Plot.ScaleOptions {
  return { label, labelArrow: "none", labelAnchor: "center", grid: true };
}

function lossPlot(epochs: readonly EpochPoint[]): SVGSVGElement {
  return plot({
    x: epochAxis(epochs),
    y: { ...yAxis("loss"), domain: [0, lossLimit(epochs)], nice: true, clamp: true },
    marks: [
      Plot.ruleY([0]),
      ...lines([
        ...series(epochs, "training", colours.training, ({ trainLoss }) => trainLoss),
        ...series(epochs, "validation", colours.validation, ({ validationLoss }) => validationLoss),
      ]),
    ],
  });
}

/** Validation can jump far above everything else while the learning rate is high: the scale follows the training loss. */
function lossLimit(epochs: readonly EpochPoint[]): number {
  const training = Math.max(...epochs.map(({ trainLoss }) => trainLoss));
  const highest = Math.max(training, ...epochs.map(({ validationLoss }) => validationLoss ?? 0));
  return Math.min(highest, 2.5 * training);
}

function scorePlot(epochs: readonly EpochPoint[]): SVGSVGElement {
  const all = [
    ...series(epochs, "presence", colours.presence, ({ presenceF1 }) => presenceF1),
    ...series(epochs, "severity", colours.severity, ({ severityF1 }) => severityF1),
  ];
  return plot({
    x: epochAxis(epochs),
    y: { ...yAxis("macro F1"), domain: [0, 1] },
    marks: [Plot.ruleY([0]), ...lines(all), ...all.map(({ points, colour }) => keptRing(points, colour))],
  });
}

/** The first epoch with the highest score: a later one replaces it only when it is strictly better. */
function keptRing(points: Series["points"], colour: string): Plot.Markish {
  const best = points.reduce((kept, point) => point.value > kept.value ? point : kept);
  return Plot.dot([best], { x: "epoch", y: "value", stroke: colour, r: 7, strokeWidth: 2 });
}

function ratePlot(epochs: readonly EpochPoint[]): SVGSVGElement {
  return plot({
    marginLeft: 68,
    x: epochAxis(epochs),
    y: { ...yAxis("learning rate"), zero: true, nice: true, tickFormat: ".1~e" },
    marks: [
      Plot.ruleY([0]),
      Plot.line(epochs, { x: "epoch", y: "learningRate", stroke: okabeIto.green, strokeWidth: 2 }),
      Plot.dot(epochs, { x: "epoch", y: "learningRate", fill: okabeIto.green, r: 2.2 }),
    ],
  });
}
