/** Figures of the notebooks on network, losses and training: what they show is what they were given. */
import { describe, expect, test } from "vitest";
import { parseSvg } from "../../lib/report/dom.ts";
import { activationsFigure } from "../../lib/report/figures/activations.ts";
import { barsFigure } from "../../lib/report/figures/bars.ts";
import { curvesFigure } from "../../lib/report/figures/curves.ts";
import { stepCurves } from "../../lib/report/figures/step_curves.ts";
import type { StageActivation } from "../../lib/nn/stage_activations.ts";

const texts = (svg: string) => [...parseSvg(svg).querySelectorAll("text")].map((text) => text.textContent);

describe("curves", () => {
  const figure = curvesFigure({
    title: "Squares",
    caption: "x² and log x",
    panels: [{
      heading: "A",
      xLabel: "x",
      yLabel: "y",
      x: [-1, 1],
      curves: [{ label: "square", f: (x) => x * x }, { label: "log", f: Math.log }],
    }],
  });

  test("every curve is named, and its values are in the table", () => {
    expect(texts(figure.svg)).toEqual(expect.arrayContaining(["square", "log", "x", "y", "A"]));
    const at = (curve: string, x: number) => figure.rows.find((row) => row.curve === curve && row.x === x)!.y;
    expect(at("square", 1)).toBe(1);
    expect(at("square", 0)).toBe(0);
    expect(at("log", 1)).toBe(0);
    expect(at("log", -1)).toBeNull();
  });

  test("a curve has a gap where its function has no value", () => {
    const drawn = [...parseSvg(figure.svg).querySelectorAll("path")].map((path) => path.getAttribute("d") ?? "");
    expect(drawn.join()).not.toContain("NaN");
  });
});

test("bars: as long as their values, with the values at their ends", () => {
  const figure = barsFigure({
    title: "Two",
    caption: "one and three",
    panels: [{ xLabel: "scans", bars: [{ label: "one", value: 1 }, { label: "three", value: 3 }] }],
  });
  const bars = [...parseSvg(figure.svg).querySelectorAll('g[aria-label="bar"] rect')];
  const [one, three] = bars.map((bar) => Number(bar.getAttribute("width")));
  expect(three! / one!).toBeCloseTo(3, 5);
  expect(texts(figure.svg)).toEqual(expect.arrayContaining(["one", "three", "1", "3", "scans"]));
});

test("activations: the liveliest channels of the middle slice, the pool left out", async () => {
  const values = new Float32Array(2 * 2 * 2 * 3); // [D 2, H 2, W 2, C 3]
  for (let i = 0; i < 8; i++) values.set([i % 2, 5, 3 * (i % 2)], 3 * i); // channel 1 is constant
  const stages: StageActivation[] = [
    { stage: "stem", shape: [2, 2, 2, 3], values },
    { stage: "pool", shape: [3], values: new Float32Array(3) },
  ];
  const { rows, svg } = await activationsFigure({ stages, channels: 2 });
  expect(rows.map(({ stage, channel, highest }) => [stage, channel, highest])).toEqual([["stem", 0, 1], [
    "stem",
    2,
    3,
  ]]);
  expect(rows.every(({ slice }) => slice === 1)).toBe(true);
  expect(parseSvg(svg).querySelectorAll("image")).toHaveLength(2);
});

test("steps: one row a step, momentum on an axis of its own", () => {
  const steps = [0, 1, 2].map((i) => ({
    kind: "step" as const,
    epoch: 0,
    step: i + 1,
    loss: 1 - i / 10,
    smoothLoss: 1,
    presenceLoss: 0.5,
    severityLoss: null,
    learningRate: 1e-3 * (i + 1),
    momentum: 0.95 - i * 0.05,
  }));
  const figure = stepCurves({ steps });
  expect(figure.rows.map(({ step, loss, momentum }) => [step, loss, momentum])).toEqual(
    steps.map(({ step, loss, momentum }) => [step, loss, momentum]),
  );
  expect(texts(figure.svg)).toEqual(expect.arrayContaining(["0.85", "0.90", "0.95", "loss", "learning rate", "step"]));
});
