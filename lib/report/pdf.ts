/** SVG in, PDF out: vectors, text in an embedded font, pictures as they are, and the same bytes from the same drawing. */
import { Buffer } from "node:buffer";
import { parseSvg, serializeSvg } from "./dom.ts";
import { fontBytes } from "./fonts.ts";

/** PDF wants a date of creation; a fixed one keeps the bytes those of the drawing alone. */
const noDate = new Date(Date.UTC(2000, 0, 1));

/**
 * One page as large as the drawing, one SVG unit = 1 pt. Only the letters that occur are embedded.
 * The libraries are loaded when the first page is made: most figures are only shown.
 * @throws TypeError for what is not SVG, and for a drawing with something that would be missing from the page
 */
export async function svgToPdf(svg: string): Promise<Uint8Array> {
  const [{ default: PdfDocument }, { default: drawSvg }] = await Promise.all([
    import("pdfkit"),
    import("svg-to-pdfkit"),
  ]);
  const element = parseSvg(svg);
  // Plot's halos around text would cover it: a PDF has no paint order.
  for (const text of element.querySelectorAll("text")) text.setAttribute("stroke", "none");
  const page = new PdfDocument({
    size: [Number(element.getAttribute("width")), Number(element.getAttribute("height"))],
    margin: 0,
    font: null as unknown as string, // the typings know no "none"; a string would load that font
    info: { CreationDate: noDate },
  });
  page.registerFont("regular", Buffer.from(fontBytes(400)));
  page.registerFont("bold", Buffer.from(fontBytes(700)));
  const chunks: Uint8Array[] = [];
  const finished = new Promise<void>((resolve, reject) => page.on("end", resolve).on("error", reject));
  page.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  drawSvg(page, serializeSvg(element), 0, 0, {
    assumePt: true,
    fontCallback: (_family: string, bold: boolean) => bold ? "bold" : "regular",
    warningCallback: refuse,
  });
  page.end();
  await finished;
  return new Uint8Array(Buffer.concat(chunks));
}

/** What cannot be drawn must not be missing from a page without a word. */
function refuse(warning: string): never {
  throw new TypeError(`svgToPdf: ${warning}`);
}
