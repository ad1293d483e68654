/**
 * Class activation maps in 3-D. With A the output of a stage (voxel v, channel c) and G = ∂target/∂A:
 *
 * - "gradcam": relu(Σ_c α_c A_vc), α_c the mean of G over the voxels (Selvaraju et al. 2017, equations 1 and 2)
 * - "hirescam": relu(Σ_c G_vc A_vc), no average over voxels (Draelos and Carin 2020)
 * - "layercam": relu(Σ_c relu(G_vc) A_vc) (Jiang et al. 2021)
 */
import type { Triple } from "../../engine/types.ts";
import { ConfigError } from "../../errors.ts";
import type { Network, StageName } from "../../nn/network.ts";
import { stageNames } from "../../nn/network.ts";
import type { NetworkPlan } from "../../nn/plan.ts";
import * as tf from "../../tf.ts";
import type { GridMap } from "./grid_map.ts";

export const camMethods = ["gradcam", "hirescam", "layercam"] as const;
export type CamMethod = typeof camMethods[number];

export interface CamOptions {
  readonly method: CamMethod;
  readonly stage: StageName;
  /** Index of the logit that is explained, given all of them. */
  readonly outputOf: (logits: readonly number[]) => number;
}

export interface ExplainedScan {
  readonly map: GridMap;
  /** All logits of the scan, in inference mode. */
  readonly logits: readonly number[];
  /** Index of the logit that the map explains. */
  readonly output: number;
}

/** The map of one volume: x f32 [1, D, H, W, 1], owned by this function. */
export async function classActivationMap(
  network: Network,
  x: tf.Tensor5D,
  options: CamOptions,
): Promise<ExplainedScan> {
  const { stage, outputOf, method } = options;
  const pass = network.attribute(x, stage);
  const logits = Array.from(await pass.logits.data()), output = outputOf(logits);
  const gradient = pass.backward(tf.tensor2d([logits.map((_, i) => Number(i === output))]));
  const map = camOf(pass.activation, gradient, method);
  const values = await map.data() as Float32Array;
  tf.dispose([pass.logits, pass.activation, gradient, map]);
  return {
    map: { values, shape: map.shape, stride: stageStride(network.plan, stage), origin: [0, 0, 0] },
    logits,
    output,
  };
}

/** The formula of the method on activation and gradient [1, D', H', W', C] → [D', H', W']; disposes nothing. */
export function camOf(activation: tf.Tensor5D, gradient: tf.Tensor5D, method: CamMethod): tf.Tensor3D {
  const [, depth, height, width, channels] = activation.shape;
  return tf.tidy(() => {
    const a = activation.reshape([depth * height * width, channels]);
    const g = gradient.reshape([depth * height * width, channels]);
    const weight = method === "gradcam" ? tf.mean(g, 0) : method === "hirescam" ? g : tf.relu(g);
    return tf.relu(tf.sum(tf.mul(a, weight), 1)).reshape([depth, height, width]);
  });
}

/**
 * Input voxels from one cell of a stage's output to the next, on each axis. Cell j is centred on input voxel j·stride,
 * because every convolution is padded by half its kernel.
 */
export function stageStride(plan: NetworkPlan, stage: StageName): Triple {
  const stages = plan.stages.slice(0, stageNames.indexOf(stage));
  // The main path alone: a block's shortcut has the stride of its first chain.
  const path = [
    ...plan.stem,
    ...stages.flatMap(({ blocks }) => blocks.flatMap(({ conv1, conv2 }) => [...conv1, ...conv2])),
  ];
  const along = (axis: 0 | 1 | 2) => path.reduce((product, { stride }) => product * stride[axis], 1);
  return [along(0), along(1), along(2)];
}

/** Cells along the width that a map needs to tell lesions apart: on a chest, one is then about 2 cm wide. */
const fewestCells = 16;

/** The deepest stage whose output still has 16 cells along the width of `size`; the stem for tiny volumes. */
export function defaultStage(plan: NetworkPlan, width: number): StageName {
  const fine = stagesOf(plan).filter((stage) => Math.ceil(width / stageStride(plan, stage)[2]) >= fewestCells);
  return fine.at(-1) ?? "stem";
}

/** Stages of this network, which may have fewer than four layers. */
function stagesOf(plan: NetworkPlan): readonly StageName[] {
  return stageNames.slice(0, 1 + plan.stages.length);
}

/** @throws ConfigError "saliency.layer" when the network ends before this stage */
export function requireStage(plan: NetworkPlan, stage: StageName): StageName {
  if (stagesOf(plan).includes(stage)) return stage;
  throw new ConfigError("saliency.layer", "the network has no such stage", {
    expected: stagesOf(plan).join(", "),
    found: stage,
  });
}

/** @throws ConfigError "saliency.layer" */
export function parseStage(text: string): StageName {
  const stage = stageNames.find((name) => name === text);
  if (stage !== undefined) return stage;
  throw new ConfigError("saliency.layer", "the network has no such stage", {
    expected: stageNames.join(", "),
    found: text,
  });
}
