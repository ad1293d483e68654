/** What resampling does: a column of voxels along the depth, and a fine pattern in the plane. */
import * as Plot from "@observablehq/plot";
import { cubicKernel, type GreyImage, resizeBicubic } from "../../data/bicubic.ts";
import { applyDepthMatrix, splineMatrix, splineMatrixAt } from "../../data/spline.ts";
import { svgElement } from "../dom.ts";
import { label } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel, panelOf } from "../frame.ts";
import { pngUri } from "../pixels.ts";
import { colours, ink, okabeIto, plot } from "../style.ts";

export interface ResamplingFigureOptions {
  /** Grey values of one pixel in every slice (at least 4); default: a dark column with a bright vessel. */
  readonly column?: readonly number[];
  /** Slices after resampling (default 26). */
  readonly depth?: number;
  /** Side of the zone plate, and of the small picture (default 240 and 60). */
  readonly side?: number;
  readonly smallSide?: number;
  readonly name?: string;
}

/** Air, tissue, air, a thin bright structure, tissue. */
const exampleColumn = [20, 22, 24, 120, 128, 126, 30, 24, 210, 26, 22, 90, 140, 138] as const;

const width = 500;

export async function resamplingFigure(options: ResamplingFigureOptions = {}): Promise<Figure> {
  const { column = exampleColumn, depth = 26, side = 240, smallSide = 60, name = "resampling" } = options;
  const title = "Resampling";
  const caption =
    `Above: one pixel's grey values in ${column.length} slices (dots), the not-a-knot cubic spline through ` +
    `them and its ${depth} resampled slices (crosses), beside straight lines; the spline overshoots at jumps and is not ` +
    `clipped. Below: a zone plate of ${side}×${side} pixels made ${smallSide}×${smallSide} by bicubic interpolation with ` +
    "the kernel widened to the scale, as the kit and Pillow do, and without: fine rings then come back as false ones.";
  const plate = zonePlate(side);
  const tiles = [
    { text: `zone plate, ${side}×${side}`, image: plate },
    { text: "bicubic, widened kernel", image: resizeBicubic(plate, smallSide, smallSide) },
    { text: "bicubic, plain kernel", image: plainBicubic(plate, smallSide, smallSide) },
  ];
  const panels = [panelOf(columnPlot(column, depth)), await tileRow(tiles)];
  return { name, title, caption, svg: frame({ title, caption, columns: 1, panels }), rows: columnRows(column, depth) };
}

/** Values of the spline and of straight lines at `count` even positions. */
function columnRows(column: readonly number[], count: number) {
  const spline = new Float64Array(count);
  applyDepthMatrix(splineMatrix(column.length, count), Float64Array.from(column), spline);
  return Array.from({ length: count }, (_, i) => {
    const slice = i * (column.length - 1) / (count - 1);
    return { slice, spline: spline[i]!, linear: linear(column, slice) };
  });
}

function linear(column: readonly number[], slice: number): number {
  const below = Math.min(Math.floor(slice), column.length - 2), share = slice - below;
  return (1 - share) * column[below]! + share * column[below + 1]!;
}

function columnPlot(column: readonly number[], depth: number): SVGSVGElement {
  const fine = 20 * (column.length - 1) + 1, curve = new Float64Array(fine);
  const positions = Float64Array.from({ length: fine }, (_, i) => i / (fine - 1));
  applyDepthMatrix(splineMatrixAt(column.length, positions), Float64Array.from(column), curve);
  const points = Array.from(curve, (value, i) => ({ slice: positions[i]! * (column.length - 1), value }));
  const slices = column.map((value, slice) => ({ slice, value }));
  const legend = [
    { text: "● slices", fill: ink, dx: 0 },
    { text: "━ cubic spline", fill: okabeIto.blue, dx: 76 },
    { text: "× resampled", fill: okabeIto.blue, dx: 190 },
    { text: "╍ straight lines", fill: okabeIto.orange, dx: 288 },
  ];
  return plot({
    width,
    height: 230,
    marginTop: 34,
    marginLeft: 48,
    x: { label: "slice", labelAnchor: "center", labelArrow: "none", ticks: column.length },
    y: { label: "grey value", labelAnchor: "center", labelArrow: "none", grid: true },
    marks: [
      Plot.ruleY([0], { stroke: colours.guide }),
      Plot.line(slices, { x: "slice", y: "value", stroke: okabeIto.orange, strokeWidth: 1.6, strokeDasharray: "6 3" }),
      Plot.line(points, { x: "slice", y: "value", stroke: okabeIto.blue, strokeWidth: 2 }),
      Plot.dot(columnRows(column, depth), {
        x: "slice",
        y: "spline",
        symbol: "times",
        stroke: okabeIto.blue,
        r: 4,
        strokeWidth: 1.4,
      }),
      Plot.dot(slices, { x: "slice", y: "value", r: 3.4, fill: ink }),
      ...legend.map(({ text, fill, dx }) =>
        Plot.text([text], { frameAnchor: "top-left", dx, dy: -24, fill, fontWeight: 700 })
      ),
    ],
  });
}

/** Rings that get finer outwards, up to two pixels a ring at the middle of the edges. */
function zonePlate(side: number): GreyImage {
  const pixels = new Uint8Array(side * side), middle = (side - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const radius2 = (x - middle) ** 2 + (y - middle) ** 2;
      pixels[y * side + x] = Math.round(127.5 + 127.5 * Math.cos(Math.PI * radius2 / side));
    }
  }
  return { pixels, width: side, height: side };
}

/** Bicubic interpolation that reads 4×4 pixels whatever the scale is: what aliases. */
function plainBicubic({ pixels, width, height }: GreyImage, toWidth: number, toHeight: number): GreyImage {
  const across = taps(width, toWidth), down = taps(height, toHeight), output = new Uint8Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      let sum = 0;
      for (const { at: row, weight: vertical } of down[y]!) {
        for (const { at: column, weight } of across[x]!) sum += vertical * weight * pixels[row * width + column]!;
      }
      output[y * toWidth + x] = Math.min(255, Math.max(0, Math.round(sum)));
    }
  }
  return { pixels: output, width: toWidth, height: toHeight };
}

function taps(from: number, to: number): { at: number; weight: number }[][] {
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * from / to - 0.5, first = Math.floor(centre) - 1;
    return [0, 1, 2, 3].map((k) => ({
      at: Math.min(from - 1, Math.max(0, first + k)),
      weight: cubicKernel(first + k - centre),
    }));
  });
}

async function tileRow(tiles: readonly { readonly text: string; readonly image: GreyImage }[]): Promise<Panel> {
  const gap = 10, side = (width - (tiles.length - 1) * gap) / tiles.length;
  const uris = await Promise.all(
    tiles.map(({ image: { pixels, width, height } }) =>
      pngUri({ values: pixels, width, height, channels: 1 }, Math.max(1, Math.round(240 / width)))
    ),
  );
  const content = svgElement(
    "g",
    {},
    tiles.flatMap(({ text }, i) => {
      const x = i * (side + gap);
      return [
        svgElement("image", { href: uris[i]!, x, y: 0, width: side, height: side }),
        label(x, side + 16, text),
      ];
    }),
  );
  return { content, width, height: side + 22 };
}
