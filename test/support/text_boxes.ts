/** Where the text of a figure lies: to see that no two lines cover each other and that all are large enough to read. */
import { parseSvg } from "../../lib/report/dom.ts";
import { textWidth } from "../../lib/report/text_outlines.ts";

export interface TextBox {
  readonly text: string;
  readonly size: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** One box for each line of text, in the drawing's units; from the baseline to the height of a capital. */
export function textBoxes(svg: string): TextBox[] {
  return [...parseSvg(svg).querySelectorAll("text")].flatMap((text) => {
    const size = parseFloat(inherited(text, "font-size") ?? "10");
    const matrix = placement(text);
    const length = (element: Element, name: string) => {
      const value = element.getAttribute(name) ?? "0";
      return value.endsWith("em") ? parseFloat(value) * size : parseFloat(value);
    };
    const spans = [...text.querySelectorAll("tspan")];
    const lines = spans.length === 0 ? [text] : spans;
    const bold = Number(inherited(text, "font-weight") ?? 400) >= 600;
    let y = length(text, "y") + length(text, "dy");
    return lines.flatMap((line) => {
      const content = line.textContent ?? "";
      if (line !== text) y += length(line, "dy");
      if (content.trim() === "") return [];
      const width = textWidth(content, size, bold ? 700 : 400);
      const share = { start: 0, middle: 0.5, end: 1 }[inherited(text, "text-anchor") ?? "start"] ?? 0;
      const x = length(text, "x") + length(text, "dx") - share * width;
      return [boxOf(content, size, matrix, [x, y - 0.73 * size, x + width, y])];
    });
  });
}

/** Pairs of lines that cover each other by more than `allowed` units in both directions. */
export function overlaps(boxes: readonly TextBox[], allowed = 0.5): string[] {
  return boxes.flatMap((a, i) =>
    boxes.slice(i + 1)
      .filter((b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > allowed &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > allowed
      )
      .map((b) => `"${a.text}" and "${b.text}"`)
  );
}

function boxOf(
  text: string,
  size: number,
  matrix: Matrix,
  corners: readonly [number, number, number, number],
): TextBox {
  const [x0, y0, x1, y1] = corners, [a, b, c, d, e, f] = matrix;
  const points = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]] as const;
  const xs = points.map(([x, y]) => a * x + c * y + e), ys = points.map(([x, y]) => b * x + d * y + f);
  return { text, size, left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** All transforms and places of drawings within drawings, from the root to the element. */
function placement(element: Element): Matrix {
  let matrix: Matrix = [1, 0, 0, 1, 0, 0];
  for (let node: Element | null = element; node !== null; node = node.parentElement) {
    for (
      const [, name, inside] of [...(node.getAttribute("transform") ?? "").matchAll(/(\w+)\(([^)]*)\)/g)].reverse()
    ) {
      const numbers = inside!.split(/[\s,]+/).map(Number);
      matrix = times(step(name!, numbers), matrix);
    }
    if (node.nodeName === "svg" && node.parentElement !== null) {
      matrix = times([1, 0, 0, 1, Number(node.getAttribute("x") ?? 0), Number(node.getAttribute("y") ?? 0)], matrix);
    }
  }
  return matrix;
}

function step(name: string, [first = 0, second = 0]: readonly number[]): Matrix {
  if (name === "translate") return [1, 0, 0, 1, first, second];
  if (name === "scale") return [first, 0, 0, second || first, 0, 0];
  if (name !== "rotate") throw new TypeError(`textBoxes: ${name}() is not known`);
  const angle = first * Math.PI / 180;
  return [Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0];
}

function times([a, b, c, d, e, f]: Matrix, [g, h, i, j, k, l]: Matrix): Matrix {
  return [a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f];
}

function inherited(element: Element | null, name: string): string | undefined {
  for (let node = element; node !== null; node = node.parentElement) {
    const value = node.getAttribute(name);
    if (value !== null) return value;
  }
  return undefined;
}
