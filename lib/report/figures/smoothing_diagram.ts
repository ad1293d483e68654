/** Label smoothing along the chain of severities: where the share ε2 of a target goes. */
import { severityClasses, severityTarget } from "../../train/targets.ts";
import { svgElement } from "../dom.ts";
import { box, label, line } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame } from "../frame.ts";
import { ink, okabeIto } from "../style.ts";

export interface SmoothingDiagramOptions {
  /** ε2 (default 0.1). */
  readonly smoothing?: number;
  readonly name?: string;
}

/** From no disease to the worst: neighbours in this chain share what a class gives away. */
const chain = ["negative", "mild", "moderate", "severe", "critical"] as const;

const left = 96, cell = { width: 80, height: 30 }, top = 74;

export function smoothingDiagram(options: SmoothingDiagramOptions = {}): Figure {
  const { smoothing = 0.1, name = "smoothing" } = options;
  const rows = chain.flatMap((truth) => {
    const target = severityTarget(truth, smoothing);
    return chain.map((part) => ({ truth, class: part, share: target[severityClasses.indexOf(part)]! }));
  });
  const title = "Label smoothing of the severities";
  const caption =
    `The chain of severities, and the target of each class with ε2 = ${smoothing}: ${1 - smoothing} on the ` +
    "class itself, the rest in equal parts on its neighbours in the chain. An error by one grade costs less than one by two.";
  const column = (i: number) => left + i * cell.width, middle = (i: number) => column(i) + cell.width / 2;
  const content = svgElement("g", {}, [
    line(middle(0), 22, middle(chain.length - 1), 22, okabeIto.black, 2),
    ...chain.flatMap((part, i) => [
      svgElement("circle", { cx: middle(i), cy: 22, r: 9, fill: "#ffffff", stroke: ink, "stroke-width": 2 }),
      label(middle(i), 50, part, { anchor: "middle", weight: 700 }),
    ]),
    label(4, 26, "chain", { fill: "#5a5a5a" }),
    label(4, top - 8, "truth", { fill: "#5a5a5a" }),
    label(left + chain.length * cell.width, top - 8, "target share of each class", { fill: "#5a5a5a", anchor: "end" }),
    ...chain.map((truth, row) => label(4, top + row * cell.height + 19, truth, { weight: 700 })),
    ...rows.flatMap(({ share }, index) => {
      const x = column(index % chain.length), y = top + Math.floor(index / chain.length) * cell.height;
      return [
        box(x, y, cell.width, cell.height, { fill: shade(share, smoothing), stroke: "#c8c8c8" }),
        label(x + cell.width / 2, y + 19, shareText(share), {
          anchor: "middle",
          fill: share > 0.5 ? "#ffffff" : ink,
          weight: share > 0 ? 700 : 400,
        }),
      ];
    }),
  ]);
  const width = left + chain.length * cell.width + 4, height = top + chain.length * cell.height + 4;
  return { name, title, caption, svg: frame({ title, caption, panels: [{ content, width, height }] }), rows };
}

function shareText(share: number): string {
  return share === 0 ? "0" : String(Math.round(share * 1e6) / 1e6);
}

/** The class itself dark, what it gives away light, nothing white. */
function shade(share: number, smoothing: number): string {
  if (share === 0) return "#ffffff";
  return share >= 1 - smoothing ? okabeIto.blue : share < smoothing ? "#dbeaf5" : "#b6d5ea";
}
