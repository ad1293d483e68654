/**
 * Text as outlines. The library that rasterises SVG takes its fonts from the system, and a bare machine has none: its
 * text would come out as empty boxes. So before a PNG is made every `<text>` becomes paths drawn from a font that comes
 * with the kit (DejaVu Sans), and a PNG looks the same on every machine. SVG files keep real text.
 */
import opentype, { type Font, type Path } from "opentype.js";
import { svgElement } from "./dom.ts";
import { fontBytes, type FontWeight } from "./fonts.ts";

const fonts = new Map<FontWeight, Font>();

function loadFont(weight: FontWeight): Font {
  let font = fonts.get(weight);
  if (font === undefined) fonts.set(weight, font = opentype.parse(fontBytes(weight).buffer));
  return font;
}

/** Replaces every `<text>` below `root` by paths, in place. Handles what Plot writes: anchors, tspans, em offsets. */
export function outlineText(root: SVGElement): void {
  for (const text of [...root.querySelectorAll("text")]) {
    const group = svgElement("g");
    for (const { name, value } of [...text.attributes]) {
      if (!layoutAttributes.has(name)) group.setAttribute(name, value);
    }
    const size = fontSize(text);
    const start = { x: coordinate(text, "x", size), y: coordinate(text, "y", size) };
    let line = offset(start, text, size);
    for (const node of text.childNodes) {
      if (node.nodeName === "title") continue;
      const span = node.nodeName === "tspan" ? node as unknown as SVGElement : undefined;
      if (span !== undefined) line = offset(moveTo(span, line, size), span, size);
      const d = textPath(node.textContent ?? "", line, size, weightOf(span ?? text), anchorOf(text));
      if (d !== "") group.append(svgElement("path", { d, stroke: "none" }));
    }
    text.replaceWith(group);
  }
}

/** Width of `text` in pixels when drawn at `size`. */
export function textWidth(text: string, size: number, weight: FontWeight = 400): number {
  const font = loadFont(weight);
  const units = [...text].reduce((sum, char) => sum + (font.charToGlyph(char).advanceWidth ?? 0), 0);
  return units * size / font.unitsPerEm;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const layoutAttributes = new Set(["x", "y", "dx", "dy", "text-anchor", "stroke", "stroke-width"]);

function textPath(text: string, at: Point, size: number, weight: FontWeight, anchor: string): string {
  const font = loadFont(weight);
  const share = anchor === "middle" ? 0.5 : anchor === "end" ? 1 : 0;
  let x = at.x - share * textWidth(text, size, weight);
  const parts: string[] = [];
  for (const char of text) {
    const glyph = font.charToGlyph(char);
    parts.push(pathData(glyph.getPath(x, at.y, size)));
    x += (glyph.advanceWidth ?? 0) * size / font.unitsPerEm;
  }
  return parts.join("");
}

/** The `d` attribute of an outline. */
function pathData({ commands }: Path): string {
  return commands.map((command) => {
    const numbers = ["x1", "y1", "x2", "y2", "x", "y"].flatMap((key) => {
      const value = (command as unknown as Record<string, number | undefined>)[key];
      return value === undefined ? [] : [value.toFixed(2)];
    });
    return command.type + numbers.join(" ");
  }).join("");
}

function moveTo(element: SVGElement, from: Point, size: number): Point {
  return {
    x: element.hasAttribute("x") ? coordinate(element, "x", size) : from.x,
    y: element.hasAttribute("y") ? coordinate(element, "y", size) : from.y,
  };
}

function offset({ x, y }: Point, element: SVGElement, size: number): Point {
  return { x: x + coordinate(element, "dx", size), y: y + coordinate(element, "dy", size) };
}

/** A length attribute in pixels; "0.32em" counts in font sizes. */
function coordinate(element: Element, name: string, size: number): number {
  const value = element.getAttribute(name);
  if (value === null) return 0;
  return value.endsWith("em") ? parseFloat(value) * size : parseFloat(value) || 0;
}

/** The nearest value of an inherited presentation attribute. */
function inherited(element: Element | null, name: string): string | undefined {
  for (let node = element; node !== null; node = node.parentElement) {
    const value = node.getAttribute(name);
    if (value !== null) return value;
  }
  return undefined;
}

function fontSize(element: Element): number {
  return parseFloat(inherited(element, "font-size") ?? "10");
}

function anchorOf(element: Element): string {
  return inherited(element, "text-anchor") ?? "start";
}

function weightOf(element: Element): FontWeight {
  const weight = inherited(element, "font-weight") ?? "400";
  return weight === "bold" || Number(weight) >= 600 ? 700 : 400;
}
