/** How long the kit takes beside its fastest peer: ratios with their range, on a logarithmic scale with a line at 1. */
import * as Plot from "@observablehq/plot";
import type { BenchmarkRatio } from "../benchmark_records.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { ink, plot, seriesStyles } from "../style.ts";
import { textWidth } from "../text_outlines.ts";

export interface BenchmarkRatiosOptions {
  /** At least one; `readBenchmarkRatios` reads the committed records. */
  readonly ratios: readonly BenchmarkRatio[];
  readonly name?: string;
}

const width = 500;

export function benchmarkRatios({ ratios, name = "benchmark-ratios" }: BenchmarkRatiosOptions): Figure {
  const machines = [...new Set(ratios.map(({ processor }) => processor))];
  const title = "Time beside the fastest peer";
  const caption =
    "Time of the kit over that of the fastest peer that was measured beside it (PyTorch in its two memory " +
    "layouts; Pillow with SciPy): median (symbol) and range (line: the kit's fastest over the peer's slowest to the " +
    `reverse). Left of 1 the kit is faster. ${machines.join("; ")}.`;
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [panelOf(drawing(ratios))] }),
    rows: ratios.map(({ benchmark, task, engine, peer, ratio, low, high, processor, date }) => ({
      benchmark,
      task,
      engine,
      peer,
      ratio,
      low,
      high,
      processor,
      date,
    })),
  };
}

function drawing(ratios: readonly BenchmarkRatio[]): SVGSVGElement {
  const points = ratios.map((ratio) => ({ ...ratio, label: ratio.task }));
  const labels = [...new Set(points.map(({ label }) => label))];
  const engines = [...new Set(points.map(({ engine }) => engine))];
  const style = (engine: string) => seriesStyles[engines.indexOf(engine) % seriesStyles.length]!;
  const low = Math.min(0.8, ...points.map(({ low }) => low)), high = Math.max(1.25, ...points.map(({ high }) => high));
  const marginLeft = Math.ceil(Math.max(...labels.map((label) => textWidth(label, 11)))) + 14;
  return plot({
    width,
    height: 84 + 19 * labels.length,
    marginLeft,
    marginRight: 16,
    marginTop: 30,
    x: {
      type: "log",
      domain: [0.92 * low, 1.08 * high],
      ticks: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].filter((tick) => tick > 0.92 * low && tick < 1.08 * high),
      tickFormat: "~g",
      label: "time of the kit / time of the fastest peer",
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
    },
    y: { domain: labels, label: null, type: "band", tickSize: 0, padding: 0.2 },
    marks: [
      Plot.ruleX([1], { stroke: ink, strokeWidth: 1.5 }),
      Plot.ruleY(points, {
        y: "label",
        x1: "low",
        x2: "high",
        stroke: ({ engine }: BenchmarkRatio) => style(engine).colour,
        strokeWidth: 2,
      }),
      ...engines.map((engine) =>
        Plot.dot(points.filter((point) => point.engine === engine), {
          x: "ratio",
          y: "label",
          r: 4,
          symbol: style(engine).symbol,
          fill: style(engine).colour,
        })
      ),
      ...engines.map((engine, i) =>
        Plot.text([`${style(engine).mark} ${engine}`], {
          frameAnchor: "top-left",
          dx: 6 - marginLeft + 118 * i,
          dy: -20,
          fill: style(engine).colour,
          fontWeight: 700,
        })
      ),
      Plot.frame({ stroke: "#d0d0d0" }),
    ],
  });
}
