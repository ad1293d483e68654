/** Things of the kit as Jupyter shows them. */
import { type Figure, svgToPng } from "../report/figure.ts";
import type { MimeBundle } from "./kernel.ts";

/**
 * A drawing stays an SVG; one with photographs in it becomes a PNG, because notebook pages on the web drop images
 * inside SVG.
 */
export async function figureBundle({ svg, title, caption }: Figure): Promise<MimeBundle> {
  const text = `${title}. ${caption}`;
  if (!svg.includes("<image")) return { "image/svg+xml": svg, "text/plain": text };
  return { "image/png": (await svgToPng(svg)).toBase64(), "text/plain": text };
}
