/** The sizes that volumes are resampled to: to scale, their shapes through the network, and what a training step needs. */
import * as Plot from "@observablehq/plot";
import { tableSizes } from "../../data/published_effects.ts";
import type { VolumeSize } from "../../data/types.ts";
import { type NetworkConfig, networkConfig } from "../../nn/config.ts";
import { multiplyAccumulates, stageShapes } from "../../nn/cost.ts";
import { planNetwork } from "../../nn/plan.ts";
import { estimateTrainingMemory } from "../../train/memory.ts";
import { svgElement } from "../dom.ts";
import { cuboid, label } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel, panelOf } from "../frame.ts";
import { okabeIto, plot } from "../style.ts";

export interface VolumeSizesOptions {
  /** Default: the three of the paper. */
  readonly sizes?: readonly VolumeSize[];
  /** Default: r3d_18 with Cov3d's head. */
  readonly network?: NetworkConfig;
  /** Volumes of a training step (default 2, the paper's). */
  readonly batchSize?: number;
  readonly name?: string;
}

const parts = [
  { key: "activationBytes", part: "kept for the backward pass", colour: okabeIto.blue },
  { key: "workBytes", part: "work space of the largest layer", colour: okabeIto.orange },
  { key: "parameterBytes", part: "weights, gradients, moments", colour: okabeIto.green },
] as const;

const width = 500;

export function volumeSizes(options: VolumeSizesOptions = {}): Figure {
  const { sizes = tableSizes, network = networkConfig({ model: "r3d_18" }), batchSize = 2 } = options;
  const plan = planNetwork(network);
  const described = sizes.map((size) => ({
    size,
    text: sizeText(size),
    voxels: size.depth * size.height * size.width,
    shapes: stageShapes(plan, size),
    multiplyAccumulates: multiplyAccumulates(plan, size),
    memory: estimateTrainingMemory({ network, size, batchSize }),
  }));
  const title = "Input sizes";
  const caption = `The sizes that scans are resampled to, drawn to scale (depth goes backwards), the shapes ` +
    `[channels × depth × height × width] after each stage of ${network.model}, and the estimated memory of a training ` +
    `step of ${batchSize} volumes in float32.`;
  return {
    name: options.name ?? "volume-sizes",
    title,
    caption,
    svg: frame({
      title,
      caption,
      columns: 1,
      panels: [cuboids(described), shapeTable(described), panelOf(memoryBars(described))],
    }),
    rows: described.map(({ text, voxels, shapes, multiplyAccumulates, memory }) => ({
      size: text,
      voxels,
      ...Object.fromEntries(stagesOf(shapes).map((stage) => [stage, shapeText(shapes.get(stage)!)])),
      gigamacs_forward: multiplyAccumulates / 1e9,
      batch: batchSize,
      activation_bytes: memory.activationBytes,
      work_bytes: memory.workBytes,
      parameter_bytes: memory.parameterBytes,
      total_bytes: memory.totalBytes,
    })),
  };
}

interface Described {
  readonly size: VolumeSize;
  readonly text: string;
  readonly voxels: number;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly multiplyAccumulates: number;
  readonly memory: ReturnType<typeof estimateTrainingMemory>;
}

const firstColumn = 70;

/** Where the column of a size begins, and its width. */
function columns(count: number) {
  const wide = (width - firstColumn) / count;
  return Array.from({ length: count }, (_, i) => ({ middle: firstColumn + (i + 0.5) * wide, wide }));
}

function cuboids(described: readonly Described[]): Panel {
  const places = columns(described.length);
  const longest = Math.max(...described.map(({ size }) => Math.max(size.width + 0.55 * size.depth, size.height)));
  const scale = Math.min(places[0]!.wide - 14, 130) / longest;
  const floor = Math.max(...described.map(({ size }) => scale * (size.height + 0.4 * size.depth))) + 6;
  const colours = { front: "#dbeaf5", top: "#bcd6ea", side: "#9cc2df" };
  const content = svgElement(
    "g",
    {},
    described.flatMap(({ size, text, voxels, multiplyAccumulates }, i) => {
      const { middle } = places[i]!;
      const shape = { width: scale * size.width, height: scale * size.height, depth: scale * size.depth };
      return [
        cuboid(middle - (shape.width + 0.55 * shape.depth) / 2, floor - shape.height, shape, colours),
        label(middle, floor + 18, text, { anchor: "middle", weight: 700, size: 12 }),
        label(middle, floor + 34, `${(voxels / 1e6).toFixed(1)} M voxels`, { anchor: "middle" }),
        label(middle, floor + 49, `${macText(multiplyAccumulates)} MAC`, { anchor: "middle" }),
      ];
    }),
  );
  return { content, width, height: floor + 52 };
}

/** Multiply-accumulates with a prefix: "208 G", "1.66 T". */
function macText(count: number): string {
  return count < 1e12 ? `${(count / 1e9).toPrecision(3)} G` : `${(count / 1e12).toPrecision(3)} T`;
}

function shapeTable(described: readonly Described[]): Panel {
  const places = columns(described.length), stages = stagesOf(described[0]!.shapes), step = 17;
  const content = svgElement(
    "g",
    {},
    stages.flatMap((stage, row) => [
      ...(row % 2 === 0 ? [svgElement("rect", { x: 0, y: row * step, width, height: step, fill: "#f2f2f2" })] : []),
      label(4, row * step + 12.5, stage, { weight: 700 }),
      ...described.map(({ shapes }, i) =>
        label(places[i]!.middle, row * step + 12.5, shapeText(shapes.get(stage)!), { anchor: "middle" })
      ),
    ]),
  );
  return { content, width, height: stages.length * step };
}

function memoryBars(described: readonly Described[]): SVGSVGElement {
  const bars = described.flatMap(({ text, memory }) =>
    parts.map(({ key, part }) => ({ text, part, gibibytes: memory[key] / 2 ** 30 }))
  );
  const totals = described.map(({ text, memory }) => ({ text, gibibytes: memory.totalBytes / 2 ** 30 }));
  return plot({
    width,
    height: 78 + 26 * described.length,
    marginLeft: 92,
    marginRight: 46,
    marginTop: 36,
    color: { domain: parts.map(({ part }) => part), range: parts.map(({ colour }) => colour) },
    x: { label: "memory of a training step (GiB)", labelAnchor: "center", labelArrow: "none", grid: true },
    y: { domain: described.map(({ text }) => text), label: null, tickSize: 0, padding: 0.25 },
    marks: [
      Plot.barX(bars, Plot.stackX({ x: "gibibytes", y: "text", fill: "part", order: parts.map(({ part }) => part) })),
      Plot.text(totals, {
        x: "gibibytes",
        y: "text",
        text: ({ gibibytes }: { gibibytes: number }) => gibibytes.toPrecision(3),
        textAnchor: "start",
        dx: 4,
      }),
      ...parts.map(({ part, colour }, i) =>
        Plot.text([`■ ${part}`], {
          frameAnchor: "top-left",
          dx: [-84, 130, -84][i]!,
          dy: [-31, -31, -15][i]!,
          fill: colour,
          fontWeight: 700,
        })
      ),
    ],
  });
}

/** "stem" and the layers: what comes before the pool. */
function stagesOf(shapes: ReadonlyMap<string, readonly number[]>): string[] {
  return [...shapes].filter(([, shape]) => shape.length === 4).map(([stage]) => stage);
}

export function sizeText({ depth, height, width }: VolumeSize): string {
  return `${depth}×${height}×${width}`;
}

function shapeText(shape: readonly number[]): string {
  return shape.join("×");
}
