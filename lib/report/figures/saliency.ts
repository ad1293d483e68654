/** Where a network looks: grey slices beside the same slices with the heat of a saliency map over them. */
import { svgElement } from "../dom.ts";
import type { Figure, FigureRow } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { heatStops } from "../heat.ts";
import { ink, okabeIto } from "../style.ts";

/** One slice, drawn twice. */
export interface SaliencyPicture {
  /** Pictures as data URIs: the slice, and the slice under the heat. */
  readonly grey: string;
  readonly heat: string;
  /** Pixels of the slice: the unit of `outline`. */
  readonly width: number;
  readonly height: number;
  /** Place in the scan, from 0. */
  readonly slice: number;
  /** SVG path data around annotated lesions, where a mask is there. */
  readonly outline?: string;
  /** The slice's share of all the heat of the scan. */
  readonly heatShare: number;
  /** Highest value of the map in this slice. */
  readonly peak: number;
}

export interface SaliencyItem {
  /** Bold line above the scan's slices, e.g. its key. */
  readonly heading: string;
  /** Second line: truth, answer and probability. */
  readonly answer: string;
  readonly scan: string;
  readonly pictures: readonly SaliencyPicture[];
  /** Value that the brightest colour stands for. */
  readonly maximum: number;
}

export interface SaliencyFigureOptions {
  readonly items: readonly SaliencyItem[];
  /** What the heat is, e.g. "Grad-CAM of the presence logit at layer2". */
  readonly what: string;
  readonly name?: string;
  readonly note?: string;
}

const side = 150, gap = 4, headingHeight = 40, labelHeight = 16, legendHeight = 46;

/** One row of panels a scan: its slices above, the same with heat below. */
export function saliencyFigure({ items, what, name = "saliency", note }: SaliencyFigureOptions): Figure {
  const outlined = items.some(({ pictures }) => pictures.some(({ outline }) => outline !== undefined));
  const title = "Saliency";
  const caption = [
    `${what}. Each scan: some of its slices, and the same slices under the map (each scan has its own scale).`,
    outlined ? "The blue line surrounds the lesions that were drawn; the network never saw it." : undefined,
    note,
  ].filter((part) => part !== undefined).join(" ");
  const panels = [...items.map(scanPanel), legend(what, outlined)];
  return { name, title, caption, svg: frame({ title, caption, columns: 1, panels }), rows: items.flatMap(rowsOf) };
}

function rowsOf({ scan, answer, pictures, maximum }: SaliencyItem): FigureRow[] {
  return pictures.map(({ slice, heatShare, peak }) => ({
    scan,
    answer,
    slice,
    heat_share: heatShare,
    peak,
    scale_maximum: maximum,
  }));
}

function scanPanel({ heading, answer, pictures }: SaliencyItem): Panel {
  const content = svgElement("g", {}, [
    text(0, 14, heading, 700),
    text(0, 31, answer),
    ...pictures.flatMap((picture, i) => tiles(picture, i * (side + gap))),
  ]);
  return {
    content,
    width: pictures.length * (side + gap) - gap,
    height: headingHeight + 2 * side + gap + labelHeight,
  };
}

function tiles(picture: SaliencyPicture, x: number): SVGElement[] {
  const below = headingHeight + side + gap;
  return [
    tile(picture, picture.grey, x, headingHeight),
    tile(picture, picture.heat, x, below),
    text(
      x + 2,
      below + side + 12,
      `slice ${picture.slice}, ${Math.round(100 * picture.heatShare)} % of the heat`,
      400,
      10.5,
    ),
  ];
}

function tile({ width, height, outline }: SaliencyPicture, image: string, x: number, y: number): SVGElement {
  const scale = Math.min(side / width, side / height);
  const path = outline === undefined ? [] : [svgElement("path", {
    d: outline,
    transform: `scale(${scale})`,
    fill: "none",
    stroke: okabeIto.skyBlue,
    "stroke-width": 1 / scale,
  })];
  return svgElement("g", { transform: `translate(${x},${y})` }, [
    svgElement("rect", { width: side, height: side, fill: "#000000" }),
    svgElement("g", {
      transform: `translate(${(side - width * scale) / 2},${(side - height * scale) / 2})`,
    }, [svgElement("image", { href: image, width: width * scale, height: height * scale }), ...path]),
  ]);
}

function legend(what: string, outlined: boolean): Panel {
  const width = 200;
  const stops = heatStops.map(([offset, [r, g, b]]) =>
    svgElement("stop", { offset, "stop-color": `rgb(${r},${g},${b})` })
  );
  return {
    width: 3 * side + 2 * gap,
    height: legendHeight,
    content: svgElement("g", {}, [
      svgElement("defs", {}, [svgElement("linearGradient", { id: "heat" }, stops)]),
      text(0, 12, what, 700, 11),
      svgElement("rect", { x: 0, y: 20, width, height: 10, fill: "url(#heat)" }),
      text(0, 43, "0", 400, 10),
      text(width, 43, "largest value of the scan", 400, 10, "end"),
      ...(outlined
        ? [
          svgElement("rect", { x: 240, y: 19, width: 12, height: 12, fill: "none", stroke: okabeIto.skyBlue }),
          text(258, 29, "planted lesion", 400, 10),
        ]
        : []),
    ]),
  };
}

function text(x: number, y: number, content: string, weight = 400, size = 12, anchor = "start"): SVGElement {
  return svgElement("text", { x, y, fill: ink, "font-size": size, "font-weight": weight, "text-anchor": anchor }, [
    content,
  ]);
}
