/** Things of the kit as Jupyter shows them. */
import { type Figure, svgToPng } from "../report/figure.ts";
import type { MimeBundle } from "./kernel.ts";

/**
 * A drawing stays an SVG; one with photographs in it becomes a PNG, because notebook pages on the web drop images
 * inside SVG. Its width is what a page shows, up to 1.5 times the drawing's: notebooks are committed with pictures.
 */
export async function figureBundle({ svg, title, caption }: Figure): Promise<MimeBundle> {
  const text = `${title}. ${caption}`;
  if (!svg.includes("<image")) return { "image/svg+xml": svg, "text/plain": text };
  return { "image/png": (await svgToPng(svg, pictureScale(svg))).toBase64(), "text/plain": text };
}

const pageWidth = 900;

function pictureScale(svg: string): number {
  const width = Number(/<svg[^>]*? width="([\d.]+)"/.exec(svg)?.[1] ?? pageWidth);
  return Math.min(1.5, Math.max(1, pageWidth / width));
}
