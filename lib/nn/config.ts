/** What decides a network's shape, and the named models. */
import { ConfigError } from "../errors.ts";
import type { GlobalPool } from "./pool.ts";
import { type ConvolutionName, convolutions } from "./convolutions.ts";

export const modelNames = ["tiny", "r3d_18", "mc3_18", "r2plus1d_18"] as const;
export type ModelName = typeof modelNames[number];

export interface NetworkConfig {
  readonly architecture: "resnet3d";
  readonly model: ModelName;
  /** Channels of the volume: 1 for CT, 3 for the stock video networks. */
  readonly inputChannels: number;
  /** Channels of layer1 … layer4 (the stem has layer1's); with fewer than four, the last stages are left out. */
  readonly widths: readonly number[];
  /** Residual blocks of each of these stages. */
  readonly blocks: readonly number[];
  /** Stem stride (2, 2, 2) instead of (1, 2, 2). */
  readonly evenStride: boolean;
  /**
   * "cov3d": dropout after each layer and Linear-Dropout-ReLU-Linear, with the state_dict names that
   * follow from it; "stock": torchvision's, one Linear and no dropout.
   */
  readonly variant: "cov3d" | "stock";
  /** Dropout rate after each layer and in the head; the stock variant has none. */
  readonly dropout: number;
  readonly pool: GlobalPool;
  /** Width of the head's hidden layer; 0 = one linear layer. */
  readonly penultimate: number;
  /** Bias of the last linear layer: off in the original program. */
  readonly finalBias: boolean;
  /** 1 (presence alone, λ = 0) or 1 + 5; any number works. */
  readonly outputs: number;
}

interface ModelShape {
  readonly stem: ConvolutionName;
  /** Convolution of layer1 … layer4. */
  readonly stages: readonly ConvolutionName[];
  readonly widths: readonly number[];
  readonly blocks: readonly number[];
  readonly penultimate: number;
}

const resnet18 = { widths: [64, 128, 256, 512], blocks: [2, 2, 2, 2], penultimate: 512 };

/** The convolution is all that sets torchvision's three video networks apart (Tran et al. 2018). */
const modelShapes: Record<ModelName, ModelShape> = {
  r3d_18: { ...resnet18, stem: "full", stages: ["full", "full", "full", "full"] },
  mc3_18: { ...resnet18, stem: "full", stages: ["full", "spatial", "spatial", "spatial"] },
  r2plus1d_18: { ...resnet18, stem: "factored", stages: ["factored", "factored", "factored", "factored"] },
  tiny: {
    stem: "full",
    stages: ["full", "full", "full", "full"],
    widths: [8, 16, 32, 64],
    blocks: [1, 1, 1, 1],
    penultimate: 64,
  },
};

/** A complete configuration: the Cov3d network of the given model with the given changes. */
export function networkConfig(
  changes: Partial<Omit<NetworkConfig, "architecture">> & { readonly model: ModelName },
): NetworkConfig {
  const { widths, blocks, penultimate } = modelShapes[changes.model];
  const config: NetworkConfig = {
    architecture: "resnet3d",
    inputChannels: 1,
    widths,
    blocks,
    evenStride: false,
    variant: "cov3d",
    dropout: 0.5,
    pool: "average",
    penultimate,
    finalBias: false,
    outputs: 6,
    ...changes,
  };
  validate(config);
  return config;
}

/** torchvision's network as it is: 3 channels, 400 Kinetics classes. */
export function stockConfig(model: ModelName): NetworkConfig {
  const stock = { inputChannels: 3, variant: "stock", dropout: 0, penultimate: 0, finalBias: true, outputs: 400 };
  return networkConfig({ model, ...stock } as Parameters<typeof networkConfig>[0]);
}

/** Convolution builders of the stem and of each stage. */
export function convolutionsOf({ model, widths }: NetworkConfig) {
  const { stem, stages } = modelShapes[model];
  return { stem: convolutions[stem], stages: stages.slice(0, widths.length).map((name) => convolutions[name]) };
}

function validate(config: NetworkConfig): void {
  const { widths, blocks, dropout, penultimate, outputs, inputChannels } = config;
  const whole = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;
  const refuse = (what: string, expected: string, found: unknown): never => {
    throw new ConfigError("network.config", `network: ${what} cannot be used`, { expected, found: String(found) });
  };
  if (!(modelNames as readonly string[]).includes(config.model)) refuse("model", modelNames.join(", "), config.model);
  const stages = widths.length;
  if (stages < 1 || stages > 4 || !widths.every((width) => whole(width, 1))) {
    refuse("widths", "1 to 4 channel counts, one a stage", widths);
  }
  if (blocks.length !== stages || !blocks.every((count) => whole(count, 1))) {
    refuse("blocks", `${stages} counts, one for each of the widths`, blocks);
  }
  if (!(dropout >= 0 && dropout < 1)) refuse("dropout", "a rate in [0, 1)", dropout);
  if (!whole(penultimate, 0)) refuse("penultimate", "0 or a width", penultimate);
  if (!whole(outputs, 1)) refuse("outputs", "at least 1", outputs);
  if (!whole(inputChannels, 1)) refuse("inputChannels", "at least 1", inputChannels);
}
