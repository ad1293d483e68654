/** One slice of each of several scans, with what the network said and what is true. */
import type { Prediction } from "../../evaluate/prediction.ts";
import type { Scan } from "../../data/types.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { colours, ink, okabeIto } from "../style.ts";

/** A slice ready to be drawn. */
export interface SlicePicture {
  /** JPEG or PNG as a data URI. */
  readonly image: string;
  /** Pixels of the slice: the unit of `outline`. */
  readonly width: number;
  readonly height: number;
  /** Place in the scan, from 0. */
  readonly slice: number;
  /** SVG path data around annotated lesions, where a mask is there. */
  readonly outline?: string;
}

export interface MontageItem {
  readonly scan: Scan;
  readonly prediction: Prediction;
  readonly picture: SlicePicture;
}

export interface MontageOptions {
  readonly items: readonly MontageItem[];
  readonly columns?: number;
  readonly name?: string;
  /** How the scans were chosen; ends the caption. */
  readonly note?: string;
}

const side = 180;
const captionHeight = 52;

export function montage({ items, columns = 4, name = "montage", note }: MontageOptions): Figure {
  const title = "Slices with predictions";
  const outlined = items.some(({ picture }) => picture.outline !== undefined);
  const parts = [
    "One slice of each of several scans: the truth, then the prediction (✓ right, ✗ wrong) with its probability.",
    outlined ? "The orange line surrounds the lesions that were drawn; the network never saw it." : undefined,
    note,
  ];
  const caption = parts.filter((part) => part !== undefined).join(" ");
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, columns: Math.min(columns, items.length), panels: items.map(tile) }),
    rows: items.map(({ scan, prediction, picture }) => ({
      scan: scan.key,
      slice: picture.slice,
      true_presence: scan.presence ?? null,
      true_severity: scan.severity === "undefined" ? null : scan.severity,
      presence: prediction.presence,
      presence_probability: prediction.presenceProbability,
      severity: prediction.severity,
      severity_probability: severityProbability(prediction),
    })),
  };
}

function tile(item: MontageItem): Panel {
  const { picture } = item;
  const scale = Math.min(side / picture.width, side / picture.height);
  const width = picture.width * scale, height = picture.height * scale;
  const content = svgElement("g", {}, [
    svgElement("rect", { width: side, height: side, fill: "#000000" }),
    svgElement("g", { transform: `translate(${(side - width) / 2},${(side - height) / 2})` }, [
      svgElement("image", { href: picture.image, width, height }),
      ...(picture.outline === undefined ? [] : [svgElement("path", {
        d: picture.outline,
        transform: `scale(${scale})`,
        fill: "none",
        stroke: okabeIto.orange,
        "stroke-width": 1.1 / scale,
        "stroke-linejoin": "round",
      })]),
    ]),
    ...captionLines(item),
  ]);
  return { content, width: side, height: side + captionHeight };
}

interface Line {
  readonly text: string;
  readonly right: boolean | null;
}

function captionLines({ scan, prediction }: MontageItem): SVGElement[] {
  const truth = scan.presence === undefined ? "unlabelled" : className(scan.presence);
  const grade = scan.severity === "undefined" ? "" : `, ${scan.severity}`;
  const lines: Line[] = [{ text: `${truth}${grade}`, right: null }];
  if (prediction.presence !== null) {
    const sure = prediction.presence ? prediction.presenceProbability! : 1 - prediction.presenceProbability!;
    lines.push({
      text: `${className(prediction.presence)} ${percent(sure)}`,
      right: scan.presence === undefined ? null : prediction.presence === scan.presence,
    });
  }
  // A grade is predicted for every scan, but says nothing about one that has no disease.
  if (prediction.severity !== null && scan.presence !== false) {
    const probability = severityProbability(prediction); // null for the regression head
    lines.push({
      text: probability === null ? prediction.severity : `${prediction.severity} ${percent(probability)}`,
      right: scan.severity === "undefined" ? null : prediction.severity === scan.severity,
    });
  }
  return lines.map(({ text, right }, i) =>
    svgElement("text", {
      x: 2,
      y: side + 15 + i * 15,
      "font-size": 11.5,
      fill: right === null ? ink : right ? colours.correct : colours.wrong,
      ...(i === 0 ? { "font-weight": 700 } : {}),
    }, [`${i === 0 || right === null ? "" : right ? "✓ " : "✗ "}${text}`])
  );
}

function className(presence: boolean): string {
  return presence ? "COVID-19" : "non-COVID-19";
}

function percent(p: number): string {
  return `${Math.round(100 * p)} %`;
}

function severityProbability({ severityProbabilities }: Prediction): number | null {
  return severityProbabilities === null ? null : Math.max(...severityProbabilities);
}
