/** Networks in numbers, as tables for a notebook. */
import type { VolumeSize } from "../data/types.ts";
import { type ModelName, type NetworkConfig, networkConfig } from "../nn/config.ts";
import { countParameters, multiplyAccumulates, stageShapes } from "../nn/cost.ts";
import { linears, planNetwork } from "../nn/plan.ts";
import { elementCount } from "../nn/shape.ts";
import { stateShapes } from "../nn/state_shapes.ts";
import { estimateTrainingMemory, formatBytes } from "../train/memory.ts";
import type { Table } from "./table.ts";

const sizeText = ({ depth, height, width }: VolumeSize) => `${depth}×${height}×${width}`;

interface NetworkAtSizes {
  readonly network: NetworkConfig;
  readonly sizes: readonly VolumeSize[];
}

/** Shape [C × D × H × W] after each stage, one column a size. */
export function stageTable({ network, sizes }: NetworkAtSizes): Table {
  const plan = planNetwork(network), columns = sizes.map((size) => stageShapes(plan, size));
  return {
    head: ["after", ...sizes.map(sizeText)],
    rows: [...columns[0]!.keys()].map((stage) => [stage, ...columns.map((shapes) => shapes.get(stage)!.join("×"))]),
    caption: `${network.model}: channels × depth × height × width`,
  };
}

/** Trained parameters of each stage, split by kind. */
export function parameterTable(network: NetworkConfig): Table {
  const counts = new Map<string, [convolution: number, norm: number, linear: number]>();
  const heads = new Set(linears(planNetwork(network)).map(({ name }) => name));
  for (const [name, { shape, dtype }] of stateShapes(network)) {
    if (dtype !== "F32" || /running_(mean|var)$/.test(name)) continue;
    const layer = name.replace(/\.(weight|bias)$/, "");
    const kind = heads.has(layer) ? 2 : shape.length === 5 ? 0 : 1;
    const stage = kind === 2 ? layer : name.split(".")[0]!;
    const row = counts.get(stage) ?? [0, 0, 0];
    row[kind] += elementCount(shape);
    counts.set(stage, row);
  }
  const rows = [...counts].map(([stage, kinds]) => [stage, ...kinds, kinds[0] + kinds[1] + kinds[2]]);
  const { convolution, batchNorm, linearWeight, linearBias, total } = countParameters(planNetwork(network));
  return {
    head: ["part", "convolutions", "batch norm", "linear", "together"],
    rows: [...rows, ["all", convolution, batchNorm, linearWeight + linearBias, total]],
    caption: `${network.model}: trained parameters`,
  };
}

/** Work and memory of a training step, one row a size. */
export function costTable(
  { network, sizes, batchSize }: NetworkAtSizes & { readonly batchSize: number },
): Table {
  const plan = planNetwork(network);
  return {
    head: ["size", "multiply-accumulates", "activations", "work space", "weights and moments", "together"],
    rows: sizes.map((size) => {
      const memory = estimateTrainingMemory({ network, size, batchSize });
      return [
        sizeText(size),
        macText(multiplyAccumulates(plan, size)),
        ...[memory.activationBytes, memory.workBytes, memory.parameterBytes, memory.totalBytes].map(formatBytes),
      ];
    }),
    caption: `${network.model}: forward pass of one volume; estimated memory of a training step of ${batchSize}`,
  };
}

/** Networks side by side at one size, with Cov3d's head on each. */
export function modelTable(
  { models, size, batchSize }: {
    readonly models: readonly ModelName[];
    readonly size: VolumeSize;
    readonly batchSize: number;
  },
): Table {
  return {
    head: ["model", "convolutions", "parameters", "multiply-accumulates", "memory of a step"],
    rows: models.map((model) => {
      const network = networkConfig({ model }), plan = planNetwork(network);
      const kernels = [...stateShapes(network).values()].filter(({ shape }) => shape.length === 5);
      return [
        model,
        kernels.length,
        countParameters(plan).total,
        macText(multiplyAccumulates(plan, size)),
        formatBytes(estimateTrainingMemory({ network, size, batchSize }).totalBytes),
      ];
    }),
    caption: `${sizeText(size)}, batch ${batchSize}`,
  };
}

/** "208 G", "1.66 T". */
export function macText(count: number): string {
  const [value, unit] = count < 1e9 ? [count / 1e6, "M"] : count < 1e12 ? [count / 1e9, "G"] : [count / 1e12, "T"];
  return `${value.toPrecision(3)} ${unit}`;
}
