/** A network as plain data: names and geometry of every layer, before anything is allocated. */
import type { Triple } from "../engine/types.ts";
import { convolutionsOf, type NetworkConfig } from "./config.ts";
import { type BlockChannels, type ConvNormPlan, type Convolution, middleChannels } from "./convolutions.ts";
import type { GlobalPool } from "./pool.ts";

export interface DropoutPlan {
  readonly rate: number;
  /** Names the layer's stream of random numbers. */
  readonly index: number;
}

/** relu(chain2(relu(chain1(x))) + shortcut(x)). */
export interface BlockPlan {
  readonly conv1: readonly ConvNormPlan[];
  readonly conv2: readonly ConvNormPlan[];
  /** 1×1×1 convolution and batch norm where the shape changes; the identity elsewhere. */
  readonly shortcut?: ConvNormPlan;
}

export interface StagePlan {
  readonly name: string;
  readonly blocks: readonly BlockPlan[];
  readonly dropout?: DropoutPlan;
}

export interface LinearPlan {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

export interface HeadPlan {
  /** Linear, dropout, ReLU; absent when the head is one linear layer. */
  readonly hidden?: { readonly linear: LinearPlan; readonly dropout: DropoutPlan };
  readonly final: LinearPlan;
}

export interface NetworkPlan {
  readonly config: NetworkConfig;
  readonly stem: readonly ConvNormPlan[];
  readonly stages: readonly StagePlan[];
  readonly pool: GlobalPool;
  readonly head: HeadPlan;
}

/** torchvision's VideoResNet of BasicBlocks, with Cov3d's changes unless the configuration says "stock". */
export function planNetwork(config: NetworkConfig): NetworkPlan {
  const { stem, stages } = convolutionsOf(config);
  const width = config.widths[0]!;
  return {
    config,
    stem: stem.stem(config.inputChannels, width, config.evenStride),
    stages: stages.map((convolution, index) => planStage(config, convolution, index)),
    pool: config.pool,
    head: planHead(config),
  };
}

function planStage(config: NetworkConfig, convolution: Convolution, index: number): StagePlan {
  const name = `layer${index + 1}`;
  const stock = config.variant === "stock";
  // Cov3d: Sequential(layer, Dropout), hence one more ".0" in every name.
  const prefix = stock ? name : `${name}.0`;
  const outputs = config.widths[index]!;
  const before = config.widths[Math.max(0, index - 1)]!;
  const blocks = Array.from({ length: config.blocks[index]! }, (_, block) => {
    const inputs = block === 0 ? before : outputs;
    const stride = block === 0 && index > 0 ? 2 : 1;
    return planBlock(`${prefix}.${block}`, convolution, inputs, outputs, stride);
  });
  return { name, blocks, ...(stock ? {} : { dropout: { rate: config.dropout, index } }) };
}

function planBlock(
  name: string,
  convolution: Convolution,
  inputs: number,
  outputs: number,
  stride: number,
): BlockPlan {
  const middle = middleChannels(inputs, outputs);
  const first: BlockChannels = { inputs, outputs, middle };
  const shortcut: ConvNormPlan = {
    conv: `${name}.downsample.0`,
    norm: `${name}.downsample.1`,
    inputs,
    outputs,
    kernel: [1, 1, 1],
    stride: convolution.shortcutStride(stride),
    padding: [0, 0, 0],
  };
  return {
    conv1: convolution.chain(`${name}.conv1`, first, stride),
    conv2: convolution.chain(`${name}.conv2`, { ...first, inputs: outputs }, 1),
    ...(stride !== 1 || inputs !== outputs ? { shortcut } : {}),
  };
}

function planHead({ widths, penultimate, outputs, finalBias, dropout, variant }: NetworkConfig): HeadPlan {
  const inputs = widths[widths.length - 1]!;
  if (penultimate === 0 || variant === "stock") {
    return { final: { name: "fc", inputs, outputs, bias: finalBias } };
  }
  return {
    hidden: {
      linear: { name: "fc.0", inputs, outputs: penultimate, bias: true },
      dropout: { rate: dropout, index: widths.length },
    },
    final: { name: "fc.3", inputs: penultimate, outputs, bias: finalBias },
  };
}

/** Every convolution of a plan in state_dict order. */
export function convNorms(plan: NetworkPlan): ConvNormPlan[] {
  const blocks = plan.stages.flatMap((stage) => stage.blocks);
  return [
    ...plan.stem,
    ...blocks.flatMap(({ conv1, conv2, shortcut }) => [...conv1, ...conv2, ...(shortcut ? [shortcut] : [])]),
  ];
}

/** The linear layers of a plan in state_dict order. */
export function linears({ head }: NetworkPlan): LinearPlan[] {
  return head.hidden === undefined ? [head.final] : [head.hidden.linear, head.final];
}

/** ⌊(size + 2·padding − kernel)/stride⌋ + 1 on each axis. */
export function convolvedSize(size: Triple, { kernel, stride, padding }: ConvNormPlan): Triple {
  const along = (axis: 0 | 1 | 2) => Math.floor((size[axis] + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  return [along(0), along(1), along(2)];
}
