/** Which network weights belong to, told from their names and shapes. */
import { modelNames, type NetworkConfig, networkConfig } from "../nn/config.ts";
import type { StateDict } from "../nn/safetensors.ts";
import { toCov3dName } from "./names.ts";

/** Kinetics-400, which torchvision's video networks were trained on. */
export const kineticsClasses = 400;

export interface Recognised {
  /** One input channel and, where the file has no head of ours, the default head. */
  readonly config: NetworkConfig;
  /** Channels of the volumes that the file's stem takes. */
  readonly inputChannels: number;
  /** False for a Kinetics classifier, or where there is none. */
  readonly hasHead: boolean;
}

/** Undefined when it is none of the kit's residual networks. Widths and blocks are read from the shapes. */
export function recogniseNetwork(tensors: StateDict): Recognised | undefined {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [toCov3dName(name), shape]));
  const size = (name: string, axis: number) => shapes.get(name)?.[axis];
  const widths: number[] = [], blocks: number[] = [];
  for (const layer of ["layer1", "layer2", "layer3", "layer4"]) {
    const width = size(`${layer}.0.0.conv2.1.weight`, 0);
    if (width === undefined) break;
    widths.push(width);
    let count = 0;
    while (shapes.has(`${layer}.0.${count}.conv2.1.weight`)) count++;
    blocks.push(count);
  }
  const inputChannels = size("stem.0.weight", 1);
  const kind = kindOf(shapes);
  if (inputChannels === undefined || kind === undefined || widths.length === 0) return undefined;
  const { hasHead, head } = headOf(shapes);
  const model = modelNames.find((name) => {
    const standard = networkConfig({ model: name });
    return kinds[name] === kind && `${standard.widths}/${standard.blocks}` === `${widths}/${blocks}`;
  }) ?? kind;
  return { config: networkConfig({ model, widths, blocks, ...head }), inputChannels, hasHead };
}

type Kind = "r3d_18" | "mc3_18" | "r2plus1d_18";
const kinds = { tiny: "r3d_18", r3d_18: "r3d_18", mc3_18: "mc3_18", r2plus1d_18: "r2plus1d_18" } as const;

/** The convolutions are all that sets the networks apart. */
function kindOf(shapes: ReadonlyMap<string, readonly number[]>): Kind | undefined {
  if (shapes.has("stem.3.weight")) return "r2plus1d_18";
  const kernel = shapes.get("layer2.0.0.conv1.0.weight");
  if (kernel?.length !== 5) return undefined;
  return kernel[2] === 1 ? "mc3_18" : "r3d_18";
}

/** `fc.0` and `fc.3` of Cov3d, or one linear layer that is not the Kinetics classifier. */
function headOf(shapes: ReadonlyMap<string, readonly number[]>) {
  const hidden = shapes.get("fc.0.weight"), last = shapes.get(hidden === undefined ? "fc.weight" : "fc.3.weight");
  const outputs = last?.[0];
  const isKinetics = hidden === undefined && outputs === kineticsClasses;
  if (outputs === undefined || outputs < 1 || isKinetics) return { hasHead: false, head: {} };
  const finalBias = shapes.has(hidden === undefined ? "fc.bias" : "fc.3.bias");
  return { hasHead: true, head: { outputs, finalBias, penultimate: hidden?.[0] ?? 0 } };
}
