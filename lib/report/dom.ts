/** A document to draw in: Plot needs a DOM, and Deno has none. One hidden page per process, made when first used. */
import { createRequire } from "node:module";
import type { JSDOM } from "jsdom";

let page: JSDOM | undefined;

/** jsdom takes half a second to load, and most programs that import the kit draw nothing; `import()` could not wait. */
function hiddenPage(): JSDOM {
  if (page !== undefined) return page;
  const jsdom = createRequire(import.meta.url)("jsdom") as typeof import("jsdom");
  return page = new jsdom.JSDOM("<!doctype html>");
}

export function figureDocument(): Document {
  return hiddenPage().window.document;
}

const svgNamespace = "http://www.w3.org/2000/svg";

/** A new SVG element with attributes and children (strings become text). */
export function svgElement(
  name: string,
  attributes: Readonly<Record<string, string | number>> = {},
  children: readonly (Node | string)[] = [],
): SVGElement {
  const element = figureDocument().createElementNS(svgNamespace, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Parses one SVG document. Throws TypeError when it is not well-formed XML with an `<svg>` root. */
export function parseSvg(svg: string): SVGSVGElement {
  const parsed = new (hiddenPage().window.DOMParser)().parseFromString(svg, "image/svg+xml");
  if (parsed.documentElement.nodeName !== "svg") throw new TypeError("parseSvg: not a well-formed SVG document");
  return parsed.documentElement as unknown as SVGSVGElement;
}

/** The XML text of an element. */
export function serializeSvg(element: SVGElement): string {
  const { XMLSerializer } = hiddenPage().window;
  return new XMLSerializer().serializeToString(element as unknown as Parameters<XMLSerializer["serializeToString"]>[0]);
}
