/** The network as boxes from volume to logits, with the shape after each, and one of its residual blocks. */
import type { VolumeSize } from "../../data/types.ts";
import type { NetworkConfig } from "../../nn/config.ts";
import { networkConfig } from "../../nn/config.ts";
import type { ConvNormPlan } from "../../nn/convolutions.ts";
import { countParameters, multiplyAccumulates, stageShapes } from "../../nn/cost.ts";
import { type BlockPlan, linears, type NetworkPlan, planNetwork, type StagePlan } from "../../nn/plan.ts";
import { svgElement } from "../dom.ts";
import { arrow, box, label, line } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame } from "../frame.ts";
import { okabeIto } from "../style.ts";
import { sizeText } from "./volume_sizes.ts";

export interface NetworkDiagramOptions {
  /** Default: r3d_18 with Cov3d's head for both tasks. */
  readonly network?: NetworkConfig;
  /** Default: 128×256×256, the paper's medium size. */
  readonly size?: VolumeSize;
  readonly name?: string;
}

/** One line of the drawing: a layer or a stage. */
interface Row {
  readonly stage: string;
  readonly what: string;
  readonly detail: string;
  /** After it, without the batch: [C, D, H, W] or [C]. */
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly fill: string;
}

const fills = { data: "#f0f0f0", convolution: "#dbeaf5", pool: "#fbe8c8", head: "#d5efe5" } as const;
const width = 500, boxWidth = 214, rowHeight = 40, boxHeight = 32, shapeX = boxWidth + 12;

export function networkDiagram(options: NetworkDiagramOptions = {}): Figure {
  const { network = networkConfig({ model: "r3d_18" }), size = { depth: 128, height: 256, width: 256 } } = options;
  const plan = planNetwork(network), rows = rowsOf(plan, size), total = countParameters(plan).total;
  const macs = multiplyAccumulates(plan, size);
  const title = "The network";
  const caption =
    `${network.model} as it is trained on volumes of ${sizeText(size)}: each layer or stage with the shape ` +
    `[channels × depth × height × width] after it, and a residual block. ${
      total.toLocaleString("en-GB")
    } parameters, ` +
    `${(macs / 1e12).toPrecision(3)} T multiply-accumulates for a forward pass.`;
  const inset = blockInset(plan);
  const content = svgElement("g", {}, [...stack(rows), ...inset.elements]);
  const height = Math.max(18 + rows.length * rowHeight, inset.bottom + 2);
  return {
    name: options.name ?? "network",
    title,
    caption,
    svg: frame({ title, caption, panels: [{ content, width, height }] }),
    rows: rows.map(({ stage, what, detail, shape, parameters }) => ({
      stage,
      what,
      detail,
      shape: shape.join("×"),
      elements: shape.reduce((product, side) => product * side, 1),
      parameters,
    })),
  };
}

function rowsOf(plan: NetworkPlan, size: VolumeSize): Row[] {
  const shapes = stageShapes(plan, size), { config, head } = plan;
  const weights = (layers: readonly ConvNormPlan[]) =>
    layers.reduce((sum, { inputs, outputs, kernel }) => sum + outputs * (inputs * product(kernel) + 2), 0);
  const input = [config.inputChannels, size.depth, size.height, size.width];
  return [
    { stage: "input", what: "volume", detail: "grey values in 0 … 1", shape: input, parameters: 0, fill: fills.data },
    {
      stage: "stem",
      what: `stem: ${kernels(plan.stem)}`,
      detail: `stride ${plan.stem[0]!.stride.join(", ")}; batch norm, ReLU`,
      shape: shapes.get("stem")!,
      parameters: weights(plan.stem),
      fill: fills.convolution,
    },
    ...plan.stages.map((stage) => stageRow(stage, shapes.get(stage.name)!, weights)),
    {
      stage: "pool",
      what: `global ${plan.pool} pooling`,
      detail: "over depth, height and width",
      shape: shapes.get("pool")!,
      parameters: 0,
      fill: fills.pool,
    },
    ...(head.hidden === undefined ? [] : [{
      stage: head.hidden.linear.name,
      what: `${head.hidden.linear.name}: linear`,
      detail: `dropout ${head.hidden.dropout.rate}, ReLU`,
      shape: shapes.get("penultimate")!,
      parameters: linearWeights(linears(plan)[0]!),
      fill: fills.head,
    }]),
    {
      stage: head.final.name,
      what: `${head.final.name}: linear${head.final.bias ? "" : ", no bias"}`,
      detail: outputsText(config.outputs),
      shape: shapes.get("output")!,
      parameters: linearWeights(head.final),
      fill: fills.head,
    },
  ];
}

function stageRow(
  { name, blocks, dropout }: StagePlan,
  shape: readonly number[],
  weights: (layers: readonly ConvNormPlan[]) => number,
): Row {
  const stride = blocks[0]!.shortcut?.stride ?? [1, 1, 1];
  const halves = blocks[0]!.shortcut === undefined ? "" : `stride ${stride.join(", ")}; `;
  const layers = blocks.flatMap(({ conv1, conv2, shortcut }) => [...conv1, ...conv2, ...(shortcut ? [shortcut] : [])]);
  return {
    stage: name,
    what: `${name}: ${blocks.length} residual block${blocks.length === 1 ? "" : "s"}`,
    detail: `${halves}${dropout === undefined ? "no dropout" : `dropout ${dropout.rate} after it`}`,
    shape,
    parameters: weights(layers),
    fill: fills.convolution,
  };
}

const linearWeights = ({ inputs, outputs, bias }: ReturnType<typeof linears>[number]) =>
  inputs * outputs + (bias ? outputs : 0);

function outputsText(outputs: number): string {
  if (outputs === 1) return "presence";
  if (outputs === 6) return "presence; 4 grades and negative";
  return `${outputs} outputs`;
}

function kernels(chain: readonly ConvNormPlan[]): string {
  return `${chain.map(({ kernel }) => kernel.join("×")).join(", ")} ${chain.length === 1 ? "convolution" : "conv"}`;
}

function product(values: readonly number[]): number {
  return values.reduce((all, value) => all * value, 1);
}

function stack(rows: readonly Row[]): SVGElement[] {
  const head = label(shapeX, 11, "shape after it", { weight: 700 });
  return [
    head,
    ...rows.flatMap(({ what, detail, shape, fill }, i) => {
      const y = 18 + i * rowHeight;
      return [
        ...(i === 0 ? [] : [arrow([[boxWidth / 2, y - rowHeight + boxHeight], [boxWidth / 2, y]])]),
        box(0, y, boxWidth, boxHeight, { fill, radius: 4 }),
        label(8, y + 13.5, what, { weight: 700 }),
        label(8, y + 26.5, detail),
        label(shapeX, y + 20, shape.join("×")),
      ];
    }),
  ];
}

const insetX = 372, insetY = 40, insetWidth = 122;

/** The first block that changes the shape: its shortcut is a convolution. */
function blockInset(plan: NetworkPlan): { readonly elements: SVGElement[]; readonly bottom: number } {
  const blocks = plan.stages.flatMap(({ blocks }) => blocks);
  const block = blocks.find(({ shortcut }) => shortcut !== undefined) ?? blocks[0]!;
  const steps = blockSteps(block), middle = insetX + 46, step = 26;
  const y = (i: number) => insetY + 34 + i * step;
  const addY = y(steps.length) + 2, endY = addY + 40, skipX = insetX + insetWidth - 14;
  const elements = [
    box(insetX - 8, insetY - 22, insetWidth + 18, endY - insetY + 72, { fill: "none", stroke: "#8a8a8a", radius: 4 }),
    label(insetX - 1, insetY - 6, "residual block", { weight: 700 }),
    label(middle, insetY + 14, "x", { anchor: "middle" }),
    arrow([[middle, insetY + 18], [middle, y(0)]]),
    arrow([[middle, insetY + 25], [skipX, insetY + 25], [skipX, addY + 8], [middle + 9, addY + 8]]),
    ...steps.flatMap((text, i) => [
      ...(i === 0 ? [] : [line(middle, y(i) - 6, middle, y(i))]),
      box(insetX, y(i), 92, 20, { fill: text.includes("×") ? fills.convolution : "#ffffff", radius: 3 }),
      label(middle, y(i) + 14, text, { anchor: "middle" }),
    ]),
    line(middle, addY - 8, middle, addY),
    svgElement("circle", { cx: middle, cy: addY + 8, r: 8, fill: "#ffffff", stroke: okabeIto.black }),
    line(middle - 4, addY + 8, middle + 4, addY + 8),
    line(middle, addY + 4, middle, addY + 12),
    arrow([[middle, addY + 16], [middle, addY + 26]]),
    box(insetX, addY + 26, 92, 20, { radius: 3 }),
    label(middle, addY + 40, "ReLU", { anchor: "middle" }),
    label(insetX - 2, endY + 24, "shortcut: identity, or"),
    label(insetX - 2, endY + 38, "1×1×1 with stride"),
  ];
  return { elements, bottom: endY + 50 };
}

function blockSteps({ conv1, conv2 }: BlockPlan): string[] {
  const chain = (layers: readonly ConvNormPlan[]) =>
    layers.flatMap(({ kernel }, i) => [...(i === 0 ? [] : ["ReLU"]), `${kernel.join("×")} conv`, "batch norm"]);
  return [...chain(conv1), "ReLU", ...chain(conv2)];
}
