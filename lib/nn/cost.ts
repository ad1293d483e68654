/** What a network costs, from its plan alone: parameters, activation shapes, multiply-accumulates. */
import type { VolumeSize } from "../data/types.ts";
import type { Triple } from "../engine/types.ts";
import type { ConvNormPlan } from "./convolutions.ts";
import { convNorms, convolvedSize, linears, type NetworkPlan } from "./plan.ts";
import { elementCount } from "./shape.ts";

export interface ParameterCounts {
  readonly convolution: number;
  readonly batchNorm: number;
  readonly linearWeight: number;
  readonly linearBias: number;
  readonly total: number;
  /** Of these, the ones that weight decay applies to. */
  readonly decayed: number;
}

/** Trained parameters by kind. */
export function countParameters(plan: NetworkPlan): ParameterCounts {
  const convs = convNorms(plan);
  const convolution = sum(convs.map(({ inputs, outputs, kernel }) => inputs * outputs * elementCount(kernel)));
  const batchNorm = sum(convs.map(({ outputs }) => 2 * outputs));
  const linearWeight = sum(linears(plan).map(({ inputs, outputs }) => inputs * outputs));
  const linearBias = sum(linears(plan).map(({ bias, outputs }) => bias ? outputs : 0));
  const decayed = convolution + linearWeight;
  return {
    convolution,
    batchNorm,
    linearWeight,
    linearBias,
    decayed,
    total: decayed + batchNorm + linearBias,
  };
}

/** One convolution at the size it meets. */
export interface ConvolutionCost {
  readonly plan: ConvNormPlan;
  /** Depth, height, width of its output. */
  readonly outputSize: Triple;
  /** Elements of its output for one volume. */
  readonly elements: number;
  readonly multiplyAccumulates: number;
}

/** Every convolution in state_dict order, for one volume. */
export function convolutionCosts(plan: NetworkPlan, { depth, height, width }: VolumeSize): ConvolutionCost[] {
  const costs: ConvolutionCost[] = [];
  const through = (start: Triple, chain: readonly ConvNormPlan[]): Triple =>
    chain.reduce((size, layer) => {
      const outputSize = convolvedSize(size, layer);
      const elements = layer.outputs * elementCount(outputSize);
      const multiplyAccumulates = elements * layer.inputs * elementCount(layer.kernel);
      costs.push({ plan: layer, outputSize, elements, multiplyAccumulates });
      return outputSize;
    }, start);
  let size = through([depth, height, width], plan.stem);
  for (const { conv1, conv2, shortcut } of plan.stages.flatMap(({ blocks }) => blocks)) {
    const input = size;
    size = through(through(input, conv1), conv2);
    if (shortcut !== undefined) through(input, [shortcut]);
  }
  return costs;
}

/** Multiply-accumulates of one forward pass of one volume: convolutions and linear layers. */
export function multiplyAccumulates(plan: NetworkPlan, size: VolumeSize): number {
  return sum(convolutionCosts(plan, size).map((cost) => cost.multiplyAccumulates)) +
    sum(linears(plan).map(({ inputs, outputs }) => inputs * outputs));
}

/**
 * Multiply-accumulates of one training pass of one volume: forward, the gradients of every kernel, and those of every
 * input but the volume's.
 */
export function trainingMultiplyAccumulates(plan: NetworkPlan, size: VolumeSize): number {
  return 3 * multiplyAccumulates(plan, size) - convolutionCosts(plan, size)[0]!.multiplyAccumulates;
}

/** Output shapes in torch's order [C, D, H, W]: "stem", "layer1" …, then "pool", "penultimate", "output". */
export function stageShapes(plan: NetworkPlan, size: VolumeSize): Map<string, readonly number[]> {
  const costs = new Map(convolutionCosts(plan, size).map((cost) => [cost.plan, cost]));
  const shapeAfter = (chain: readonly ConvNormPlan[]): readonly number[] => {
    const { plan: { outputs }, outputSize } = costs.get(chain[chain.length - 1]!)!;
    return [outputs, ...outputSize];
  };
  const shapes = new Map([["stem", shapeAfter(plan.stem)]]);
  for (const { name, blocks } of plan.stages) shapes.set(name, shapeAfter(blocks[blocks.length - 1]!.conv2));
  const { hidden, final } = plan.head;
  shapes.set("pool", [hidden?.linear.inputs ?? final.inputs]);
  if (hidden !== undefined) shapes.set("penultimate", [hidden.linear.outputs]);
  return shapes.set("output", [final.outputs]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
