/** One look for all figures: colour-blind-safe colours (Okabe and Ito 2008), one font, thin grey axes. */
import * as Plot from "@observablehq/plot";
import { figureDocument } from "./dom.ts";

export const okabeIto = {
  black: "#000000",
  orange: "#E69F00",
  skyBlue: "#56B4E9",
  green: "#009E73",
  yellow: "#F0E442",
  blue: "#0072B2",
  vermillion: "#D55E00",
  purple: "#CC79A7",
} as const;

/** Colour and symbol of the first, second … series of a figure; `mark` is the symbol in a caption. */
export const seriesStyles = [
  { colour: okabeIto.vermillion, symbol: "circle", mark: "●" },
  { colour: okabeIto.blue, symbol: "square", mark: "■" },
  { colour: okabeIto.green, symbol: "triangle", mark: "▲" },
  { colour: okabeIto.purple, symbol: "diamond", mark: "◆" },
] as const;

/** The same thing has the same colour in every figure. */
export const colours = {
  positive: okabeIto.vermillion,
  negative: okabeIto.blue,
  presence: okabeIto.vermillion,
  severity: okabeIto.purple,
  training: okabeIto.blue,
  validation: okabeIto.orange,
  correct: okabeIto.green,
  wrong: okabeIto.vermillion,
  guide: "#8a8a8a",
} as const;

export const fontFamily = "'DejaVu Sans', Verdana, system-ui, sans-serif";
export const ink = "#1b1b1b";

/** `Plot.plot` with the kit's defaults, in the hidden document. Returns one `<svg>`: figures use no built-in legend. */
export function plot(options: Plot.PlotOptions): SVGSVGElement {
  const drawn = Plot.plot({
    document: figureDocument(),
    width: 340,
    height: 260,
    marginLeft: 56,
    marginBottom: 44,
    marginTop: 30,
    marginRight: 18,
    ...options,
  });
  if (drawn.nodeName.toLowerCase() !== "svg") throw new TypeError("a figure drew something beside its SVG");
  return plainAttributes(drawn as unknown as SVGSVGElement);
}

/** Plot styles its root with CSS for web pages; a stand-alone SVG says the same in attributes that every reader knows. */
function plainAttributes(svg: SVGSVGElement): SVGSVGElement {
  svg.querySelector("style")?.remove();
  for (const name of ["style", "class"]) svg.removeAttribute(name);
  svg.setAttribute("font-family", fontFamily);
  svg.setAttribute("font-size", "11");
  svg.setAttribute("color", ink);
  return svg;
}
