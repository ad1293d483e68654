/** Small parts of diagrams that are drawn by hand: lines of text, boxes, arrows, cuboids. */
import { svgElement } from "./dom.ts";
import { ink } from "./style.ts";

export interface LabelStyle {
  /** Font size; 11 stays legible at the column width of a paper (12.2 cm) in drawings up to 540 wide. */
  readonly size?: number;
  readonly weight?: 400 | 700;
  readonly anchor?: "start" | "middle" | "end";
  readonly fill?: string;
}

/** One line of text with its baseline at y. */
export function label(x: number, y: number, content: string, style: LabelStyle = {}): SVGElement {
  const { size = 11, weight = 400, anchor = "start", fill = ink } = style;
  const attributes = { x, y, fill, "font-size": size, "font-weight": weight, "text-anchor": anchor };
  return svgElement("text", attributes, [content]);
}

export interface BoxStyle {
  readonly fill?: string;
  readonly stroke?: string;
  readonly radius?: number;
}

export function box(x: number, y: number, width: number, height: number, style: BoxStyle = {}): SVGElement {
  const { fill = "#ffffff", stroke = ink, radius = 0 } = style;
  return svgElement("rect", { x, y, width, height, rx: radius, fill, stroke, "stroke-width": 1 });
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string = ink, width = 1): SVGElement {
  return svgElement("path", { d: `M${x1},${y1}L${x2},${y2}`, fill: "none", stroke, "stroke-width": width });
}

/** A path of straight pieces that ends in an arrow head. */
export function arrow(points: readonly (readonly [x: number, y: number])[], stroke: string = ink): SVGElement {
  const [x, y] = points.at(-1)!, [fromX, fromY] = points.at(-2)!;
  const length = Math.hypot(x - fromX, y - fromY), dx = (x - fromX) / length, dy = (y - fromY) / length;
  const corner = (side: 1 | -1) => `${round(x - 6 * dx - side * 3 * dy)},${round(y - 6 * dy + side * 3 * dx)}`;
  return svgElement("g", {}, [
    svgElement("path", { d: `M${points.map((p) => p.join(",")).join("L")}`, fill: "none", stroke, "stroke-width": 1 }),
    svgElement("path", { d: `M${x},${y}L${corner(1)}L${corner(-1)}Z`, fill: stroke, stroke: "none" }),
  ]);
}

/** A cuboid seen from the front right above; (x, y) is the upper left corner of its front. */
export function cuboid(
  x: number,
  y: number,
  { width, height, depth }: { readonly width: number; readonly height: number; readonly depth: number },
  colours: { readonly front: string; readonly top: string; readonly side: string; readonly stroke?: string },
): SVGElement {
  const { front, top, side, stroke = ink } = colours;
  const dx = round(0.55 * depth), dy = round(-0.4 * depth);
  const face = (points: readonly (readonly [number, number])[], fill: string) =>
    svgElement("path", {
      d: `M${points.map(([px, py]) => `${round(px)},${round(py)}`).join("L")}Z`,
      fill,
      stroke,
      "stroke-width": 1,
      "stroke-linejoin": "round",
    });
  const right = x + width, bottom = y + height;
  return svgElement("g", {}, [
    face([[x, y], [x + dx, y + dy], [right + dx, y + dy], [right, y]], top),
    face([[right, y], [right + dx, y + dy], [right + dx, bottom + dy], [right, bottom]], side),
    face([[x, y], [right, y], [right, bottom], [x, bottom]], front),
  ]);
}

/** Two decimals: the same text on every machine, and a short one. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
