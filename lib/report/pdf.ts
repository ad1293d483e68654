/** SVG in, PDF out: vector outlines, pictures as they are, and the same bytes from the same drawing. */
import { Buffer } from "node:buffer";
import type { OutlinedSvg } from "./text_outlines.ts";

/** PDF wants a date of creation; a fixed one keeps the bytes those of the drawing alone. */
const noDate = new Date(Date.UTC(2000, 0, 1));

/**
 * One page as large as the drawing, one SVG unit = 1 pt. Text is outlines, so no font is asked for or embedded.
 * The libraries are loaded when the first page is made: most figures are only shown.
 */
export async function svgToPdf({ svg, width, height }: OutlinedSvg): Promise<Uint8Array> {
  const [{ default: PdfDocument }, { default: drawSvg }] = await Promise.all([
    import("pdfkit"),
    import("svg-to-pdfkit"),
  ]);
  const page = new PdfDocument({
    size: [width, height],
    margin: 0,
    font: null as unknown as string, // the typings know no "none"; a string would load that font
    info: { CreationDate: noDate },
  });
  const chunks: Uint8Array[] = [];
  const finished = new Promise<void>((resolve, reject) => page.on("end", resolve).on("error", reject));
  page.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  drawSvg(page, svg, 0, 0, { assumePt: true, warningCallback: refuse });
  page.end();
  await finished;
  return new Uint8Array(Buffer.concat(chunks));
}

/** What cannot be drawn must not be missing from a page without a word. */
function refuse(warning: string): never {
  throw new TypeError(`svgToPdf: ${warning}`);
}
