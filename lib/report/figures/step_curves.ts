/** A run step by step: its loss, raw and smoothed, and the schedule that it followed. */
import * as Plot from "@observablehq/plot";
import type { StepMetrics } from "../../train/metrics.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, okabeIto, plot } from "../style.ts";

export interface StepCurvesOptions {
  readonly steps: readonly StepMetrics[];
  readonly name?: string;
}

export function stepCurves({ steps, name = "step-curves" }: StepCurvesOptions): Figure {
  const title = "Step by step";
  const caption =
    "Left: the loss of every optimizer step (dots) and its running average over about fifty steps (line). " +
    "Right: the learning rate of every step (line) and its momentum β1 (dashed, axis on the right).";
  const panels = [panelOf(lossPlot(steps), "Loss"), panelOf(schedulePlot(steps), "Learning rate and momentum")];
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels }),
    rows: steps.map(({ epoch, step, loss, smoothLoss, presenceLoss, severityLoss, learningRate, momentum }) => ({
      epoch: epoch + 1,
      step,
      loss,
      smooth_loss: smoothLoss,
      presence_loss: presenceLoss,
      severity_loss: severityLoss,
      learning_rate: learningRate,
      momentum,
    })),
  };
}

const stepAxis: Plot.ScaleOptions = { label: "step", labelAnchor: "center", labelArrow: "none" };
const size = { width: 380, height: 260 };

function lossPlot(steps: readonly StepMetrics[]): SVGSVGElement {
  return plot({
    ...size,
    x: stepAxis,
    y: { label: "loss", labelAnchor: "center", labelArrow: "none", grid: true, zero: true },
    marks: [
      Plot.ruleY([0]),
      Plot.dot(steps, { x: "step", y: "loss", r: 1.6, fill: okabeIto.skyBlue }),
      Plot.line(steps, { x: "step", y: "smoothLoss", stroke: colours.training, strokeWidth: 2 }),
    ],
  });
}

/** Momentum has an axis of its own, so it is scaled to the rate's; both go the whole height. */
function schedulePlot(steps: readonly StepMetrics[]): SVGSVGElement {
  const highest = Math.max(...steps.map(({ learningRate }) => learningRate));
  const momenta = [0.85, 0.9, 0.95], scaled = (momentum: number) => highest * (momentum - 0.84) / 0.12;
  return plot({
    ...size,
    marginLeft: 64,
    marginRight: 46,
    x: stepAxis,
    y: { domain: [0, 1.05 * highest], grid: true },
    marks: [
      Plot.ruleY([0]),
      Plot.line(steps, { x: "step", y: "learningRate", stroke: okabeIto.green, strokeWidth: 2 }),
      Plot.line(steps, {
        x: "step",
        y: ({ momentum }: StepMetrics) => scaled(momentum),
        stroke: okabeIto.vermillion,
        strokeDasharray: "6 3",
        strokeWidth: 2,
      }),
      // An axis of one's own takes the place of the implied one.
      Plot.axisY({
        anchor: "left",
        label: "learning rate",
        labelAnchor: "center",
        labelArrow: "none",
        tickFormat: ".1~e",
      }),
      Plot.axisY(momenta.map(scaled), {
        anchor: "right",
        label: null,
        color: okabeIto.vermillion,
        tickFormat: (_: number, i: number) => momenta[i]!.toFixed(2),
      }),
    ],
  });
}
