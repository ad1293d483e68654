/** A figure is a drawing and the numbers behind it; it is written as SVG, PDF, PNG and CSV side by side. */
import { join } from "node:path";
import Papa from "papaparse";
import sharp from "sharp";
import { makeFolder, writeFileAtomic } from "../files.ts";
import { parseSvg, serializeSvg } from "./dom.ts";
import { svgToPdf } from "./pdf.ts";
import { outlineText } from "./text_outlines.ts";

/** One row of the table that a figure is drawn from. */
export type FigureRow = Readonly<Record<string, string | number | boolean | null>>;

export interface Figure {
  /** File name without extension, e.g. "training-curves". */
  readonly name: string;
  readonly title: string;
  /** What there is to see, in a sentence or two; also the text alternative. */
  readonly caption: string;
  /** A complete, stand-alone SVG document. */
  readonly svg: string;
  readonly rows: readonly FigureRow[];
}

export interface FigureFiles {
  readonly svg: string;
  /** Vectors and text: for LaTeX. */
  readonly pdf: string;
  readonly png: string;
  readonly csv: string;
}

/** Writes `<name>.svg`, `.pdf`, `.png` and `.csv` into `directory` (created), each whole or not at all. */
export async function writeFigure(figure: Figure, directory: string): Promise<FigureFiles> {
  await makeFolder(directory);
  const at = (extension: string) => join(directory, `${figure.name}.${extension}`);
  const files: FigureFiles = { svg: at("svg"), pdf: at("pdf"), png: at("png"), csv: at("csv") };
  const contents = await figureContents(figure);
  for (const kind of ["svg", "pdf", "png", "csv"] as const) await writeFileAtomic(files[kind], contents[kind]);
  return files;
}

/** What `writeFigure` writes; the same figure gives the same bytes. */
export async function figureContents(
  figure: Figure,
  { pngScale = 2 }: { readonly pngScale?: number } = {},
): Promise<Record<keyof FigureFiles, Uint8Array | string>> {
  return {
    svg: figure.svg,
    pdf: await svgToPdf(figure.svg),
    png: await svgToPng(figure.svg, pngScale),
    csv: toCsv(figure.rows),
  };
}

/** Comma-separated text with a header line, "\n" line ends; null is an empty cell. */
export function toCsv(rows: readonly FigureRow[]): string {
  return Papa.unparse([...rows], { newline: "\n" }) + "\n";
}

/** Rasterises an SVG document on white at `scale` pixels per unit (2 = sharp on high-density screens). */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const element = parseSvg(svg);
  outlineText(element);
  const width = Number(element.getAttribute("width"));
  const png = await sharp(new TextEncoder().encode(serializeSvg(element)), { density: 72 * scale, unlimited: true })
    .resize({ width: Math.round(width * scale) })
    .flatten({ background: "#ffffff" })
    .png({ compressionLevel: 9, palette: false })
    .toBuffer();
  return new Uint8Array(png);
}
