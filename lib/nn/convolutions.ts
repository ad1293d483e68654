/**
 * The convolutions that residual networks for volumes are built of (Tran et al., "A closer look at spatiotemporal
 * convolutions for action recognition", 2018), each as a chain of convolution + batch norm with torchvision's names.
 */
import type { Triple } from "../engine/types.ts";

/** One convolution and the batch norm after it. */
export interface ConvNormPlan {
  /** Name of the convolution's module, e.g. "layer1.0.conv1.0". */
  readonly conv: string;
  /** Name of the batch norm's module. */
  readonly norm: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
}

/** Channels of a block: in, out, and between the two halves of a factored convolution. */
export interface BlockChannels {
  readonly inputs: number;
  readonly outputs: number;
  readonly middle: number;
}

export interface Convolution {
  /** `Sequential(convolution, BatchNorm)` called `name`: one or more convolutions, a ReLU between each two. */
  chain(name: string, channels: BlockChannels, stride: number): ConvNormPlan[];
  /** Stride of the block's 1×1×1 shortcut. */
  shortcutStride(stride: number): Triple;
  /** First layer; (1, 2, 2) or, with even strides, (2, 2, 2). */
  stem(inputs: number, outputs: number, evenStride: boolean): ConvNormPlan[];
}

const fullStem: Convolution["stem"] = (inputs, outputs, evenStride) => [{
  conv: "stem.0",
  norm: "stem.1",
  inputs,
  outputs,
  kernel: [3, 7, 7],
  stride: [evenStride ? 2 : 1, 2, 2],
  padding: [1, 3, 3],
}];

/** 3×3×3 (torchvision's Conv3DSimple). */
const full: Convolution = {
  chain: (name, { inputs, outputs }, stride) => [{
    conv: `${name}.0`,
    norm: `${name}.1`,
    inputs,
    outputs,
    kernel: [3, 3, 3],
    stride: [stride, stride, stride],
    padding: [1, 1, 1],
  }],
  shortcutStride: (stride) => [stride, stride, stride],
  stem: fullStem,
};

/** 1×3×3: no mixing and no stride along depth (Conv3DNoTemporal). */
const spatial: Convolution = {
  chain: (name, { inputs, outputs }, stride) => [{
    conv: `${name}.0`,
    norm: `${name}.1`,
    inputs,
    outputs,
    kernel: [1, 3, 3],
    stride: [1, stride, stride],
    padding: [0, 1, 1],
  }],
  shortcutStride: (stride) => [1, stride, stride],
  stem: fullStem,
};

/** 1×3×3, batch norm, ReLU, 3×1×1 (Conv2Plus1D). */
const factored: Convolution = {
  chain: (name, { inputs, outputs, middle }, stride) => [
    {
      conv: `${name}.0.0`,
      norm: `${name}.0.1`,
      inputs,
      outputs: middle,
      kernel: [1, 3, 3],
      stride: [1, stride, stride],
      padding: [0, 1, 1],
    },
    {
      conv: `${name}.0.3`,
      norm: `${name}.1`,
      inputs: middle,
      outputs,
      kernel: [3, 1, 1],
      stride: [stride, 1, 1],
      padding: [1, 0, 0],
    },
  ],
  shortcutStride: (stride) => [stride, stride, stride],
  stem: (inputs, outputs, evenStride) => [
    {
      conv: "stem.0",
      norm: "stem.1",
      inputs,
      outputs: 45,
      kernel: [1, 7, 7],
      stride: [1, 2, 2],
      padding: [0, 3, 3],
    },
    {
      conv: "stem.3",
      norm: "stem.4",
      inputs: 45,
      outputs,
      kernel: [3, 1, 1],
      stride: [evenStride ? 2 : 1, 1, 1],
      padding: [1, 0, 0],
    },
  ],
};

export const convolutions = { full, spatial, factored } as const;
export type ConvolutionName = keyof typeof convolutions;

/** Channels that give a factored convolution as many weights as the 3×3×3 one. */
export function middleChannels(inputs: number, outputs: number): number {
  return Math.floor((inputs * outputs * 27) / (inputs * 9 + 3 * outputs));
}
