/** Puts plots side by side on a white page, with headings, and makes it one stand-alone SVG document. */
import { serializeSvg, svgElement } from "./dom.ts";
import { fontFamily, ink } from "./style.ts";

export interface Panel {
  readonly heading?: string;
  readonly content: SVGElement;
  readonly width: number;
  readonly height: number;
}

export interface FrameOptions {
  readonly title: string;
  /** Text alternative. */
  readonly caption: string;
  readonly panels: readonly Panel[];
  /** Panels per row (default: all in one row). */
  readonly columns?: number;
}

const headingHeight = 26;
const gap = 14;
const border = 10;

export function frame({ title, caption, panels, columns = panels.length }: FrameOptions): string {
  const rows = Math.ceil(panels.length / columns);
  const widths = range(columns).map((column) => largest(panels.filter((_, i) => i % columns === column), panelWidth));
  const heights = range(rows).map((row) => largest(panels.slice(row * columns, (row + 1) * columns), panelHeight));
  const width = 2 * border + sum(widths) + (columns - 1) * gap;
  const height = 2 * border + sum(heights) + (rows - 1) * gap;
  const placed = panels.map((panel, i) => {
    const column = i % columns, row = Math.floor(i / columns);
    const x = border + sum(widths.slice(0, column)) + column * gap;
    return place(panel, x, border + sum(heights.slice(0, row)) + row * gap);
  });
  return serializeSvg(svgElement("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "font-family": fontFamily,
    color: ink,
  }, [
    svgElement("title", {}, [title]),
    svgElement("desc", {}, [caption]),
    svgElement("rect", { width, height, fill: "#ffffff" }),
    ...placed,
  ]));
}

/** The panel of a plot drawn by `plot`. */
export function panelOf(content: SVGSVGElement, heading?: string): Panel {
  const width = Number(content.getAttribute("width")), height = Number(content.getAttribute("height"));
  return { content, width, height, ...(heading === undefined ? {} : { heading }) };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(panels: readonly Panel[], extent: (panel: Panel) => number): number {
  return Math.max(0, ...panels.map(extent));
}

function panelWidth({ width }: Panel): number {
  return width;
}

function panelHeight({ height, heading }: Panel): number {
  return height + (heading === undefined ? 0 : headingHeight);
}

function place({ content, heading }: Panel, x: number, y: number): SVGElement {
  const group = svgElement("g", { transform: `translate(${x},${y})` });
  if (heading !== undefined) {
    group.append(svgElement("text", { x: 4, y: 17, "font-size": 14, "font-weight": 700, fill: ink }, [heading]));
    group.append(svgElement("g", { transform: `translate(0,${headingHeight})` }, [content]));
  } else group.append(content);
  return group;
}
