/** What changes between rows of the published Table 3 that differ in one factor, and all its scores. */
import * as Plot from "@observablehq/plot";
import type { PublishedExperiment } from "../../data/published.ts";
import {
  type Contrast,
  type EffectTask,
  matchedContrasts,
  summarizeContrast,
  tableSizes,
} from "../../data/published_effects.ts";
import type { Figure, FigureRow } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { colours, ink, okabeIto, plot } from "../style.ts";
import { sizeText } from "./volume_sizes.ts";

export interface Table3Options {
  /** `publishedTable3()`. */
  readonly experiments: readonly PublishedExperiment[];
  readonly name?: string;
}

const tasks = ["presence", "severity"] as const;
const labelWidth = 118;

/** Differences of macro F1 between matched rows, by factor. */
export function table3Effects({ experiments, name = "table3-effects" }: Table3Options): Figure {
  const contrasts = matchedContrasts(experiments)
    .filter((contrast) => tasks.some((task) => summarizeContrast(contrast, task) !== null));
  const title = "Effects in the published Table 3";
  const caption =
    `Differences of validation macro F1 between the published rows that differ in one factor (dots; the ` +
    "number of pairs is printed, the bar is their mean). Every row is one training run with one seed, scored at its best " +
    "epoch on the validation scans, and pairs share rows: the dots show how steady a difference is, and no interval " +
    "can be given. A smoothing that its loss does not use (ε2 at λ = 0, ε1 at λ = 1) counts as equal.";
  const panels = tasks.map((task) => panelOf(differences(contrasts, task)));
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels }),
    rows: tasks.flatMap((task) => contrasts.flatMap((contrast) => effectRows(contrast, task))),
  };
}

function contrastText({ factor, from, to }: Contrast): string {
  const short = factor === "size" ? [from.split("×")[0]!, to.split("×")[0]!] : [from, to];
  return `${factor === "size" ? "depth" : factor} ${short.join(" → ")}`;
}

function effectRows(contrast: Contrast, task: EffectTask): FigureRow[] {
  const summary = summarizeContrast(contrast, task);
  if (summary === null) return [];
  const { factor, from, to, pairs } = contrast;
  return pairs.filter(({ difference }) => difference[task] !== null).map((pair) => ({
    task,
    factor,
    from,
    to,
    row_from: pair.from,
    row_to: pair.to,
    difference: rounded(pair.difference[task]!),
    pairs: summary.pairs,
    mean_difference: rounded(summary.mean),
    pairs_up: summary.up,
    sign_test_p: summary.signTest,
  }));
}

const rounded = (value: number) => Math.round(value * 1e5) / 1e5;

function differences(contrasts: readonly Contrast[], task: EffectTask): SVGSVGElement {
  const labels = contrasts.map(contrastText), isFirst = task === tasks[0];
  const dots = contrasts.flatMap((contrast) =>
    contrast.pairs.flatMap(({ difference }) =>
      difference[task] === null ? [] : [{ label: contrastText(contrast), difference: difference[task] }]
    )
  );
  const means = contrasts.flatMap((contrast) => {
    const summary = summarizeContrast(contrast, task);
    return summary === null ? [] : [{ label: contrastText(contrast), ...summary }];
  });
  const marginLeft = isFirst ? labelWidth : 12, marginRight = 36;
  return plot({
    width: marginLeft + marginRight + 150,
    height: 66 + 21 * labels.length,
    marginLeft,
    marginRight,
    marginTop: 24,
    x: {
      label: `difference of ${task} F1`,
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      ticks: 3,
      tickFormat: "~f",
      domain: around(dots.map(({ difference }) => difference)),
    },
    y: {
      domain: labels,
      label: null,
      type: "band",
      padding: 0.3,
      tickSize: 0,
      ...(isFirst ? {} : { axis: null }),
    },
    marks: [
      Plot.ruleX([0], { stroke: ink }),
      Plot.tickX(means, { x: "mean", y: "label", stroke: colours[task], strokeWidth: 3 }),
      Plot.dot(dots, { x: "difference", y: "label", r: 3, fill: "#ffffff", stroke: ink, strokeWidth: 1.1 }),
      Plot.text(means, {
        y: "label",
        frameAnchor: "right",
        textAnchor: "start",
        dx: 6,
        text: ({ pairs }: { pairs: number }) => `n = ${pairs}`,
      }),
      Plot.text([task], { frameAnchor: "top-left", dy: -18, fill: colours[task], fontWeight: 700 }),
      Plot.frame({ stroke: "#d0d0d0" }),
    ],
  });
}

/** The values and zero, with room for the dots at the ends. */
function around(values: readonly number[]): [low: number, high: number] {
  const low = Math.min(0, ...values), high = Math.max(0, ...values), room = 0.07 * (high - low);
  return [low - room, high + room];
}

const sizeColours = [okabeIto.skyBlue, okabeIto.blue, okabeIto.black] as const;
const symbols = ["circle", "triangle", "square"] as const;

/** Every published score against λ; colour and symbol are the size. */
export function table3Scores({ experiments, name = "table3-scores" }: Table3Options): Figure {
  const title = "Scores of the published Table 3";
  const caption =
    "Validation macro F1 of the 28 published experiments against λ, the share of the severity loss; one run " +
    "each. Scores of presence stay together; those of severity rise with λ.";
  const rows = experiments.map(({ id, size, severityFactor, epochs, presenceF1, severityF1 }) => ({
    row: id,
    size: sizeText(size),
    lambda: severityFactor,
    epochs,
    presence_f1: presenceF1,
    severity_f1: severityF1,
  }));
  const panels = tasks.map((task) => panelOf(scorePlot(rows, task)));
  return { name, title, caption, svg: frame({ title, caption, panels }), rows };
}

function scorePlot(rows: readonly FigureRow[], task: EffectTask): SVGSVGElement {
  const scored = rows.filter((row) => row[`${task}_f1`] !== null), sizes = tableSizes.map(sizeText);
  return plot({
    width: 248,
    height: 250,
    marginTop: 34,
    marginLeft: 52,
    marginRight: 12,
    color: { domain: sizes, range: [...sizeColours] },
    symbol: { domain: sizes, range: [...symbols] },
    x: { label: "λ", labelAnchor: "center", labelArrow: "none", domain: [-0.05, 1.05], ticks: [0, 0.5, 1] },
    y: { label: `${task} macro F1`, labelAnchor: "center", labelArrow: "none", grid: true, nice: true, ticks: 6 },
    marks: [
      Plot.dot(scored, {
        x: "lambda",
        y: `${task}_f1`,
        stroke: "size",
        symbol: "size",
        strokeWidth: 1.5,
        r: 3.6,
      }),
      ...(task === "presence" ? [0, 1] : [2]).map((i, at) =>
        Plot.text([`${["●", "▲", "■"][i]} ${sizes[i]}`], {
          frameAnchor: "top-left",
          dx: 104 * at - 10,
          dy: -22,
          fill: sizeColours[i]!,
          fontWeight: 700,
        })
      ),
    ],
  });
}
