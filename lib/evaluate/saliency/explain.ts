/** One scan through one network: the map of the chosen method. */
import type { Network } from "../../nn/network.ts";
import type { StageName } from "../../nn/network.ts";
import * as tf from "../../tf.ts";
import { type CamMethod, camMethods, classActivationMap, type ExplainedScan } from "./cam.ts";
import { occlusionMap, type OcclusionOptions, type OcclusionWatch } from "./occlusion.ts";
import { type SaliencyTarget, targetOutput } from "./target.ts";

export const saliencyMethods = [...camMethods, "occlusion"] as const;
export type SaliencyMethod = typeof saliencyMethods[number];

export interface ExplainOptions {
  readonly method: SaliencyMethod;
  readonly target: SaliencyTarget;
  /** Of the class activation maps. */
  readonly stage: StageName;
  readonly occlusion: OcclusionOptions;
}

export interface InputVolume {
  /** f32, C order. */
  readonly voxels: Float32Array<ArrayBuffer>;
  readonly shape: readonly [depth: number, height: number, width: number];
}

export function explain(
  network: Network,
  { voxels, shape }: InputVolume,
  { method, target, stage, occlusion }: ExplainOptions,
  watch: OcclusionWatch = {},
): Promise<ExplainedScan> {
  const outputOf = (logits: readonly number[]) => targetOutput(target, logits);
  if (method === "occlusion") {
    const thaw = network.freeze(); // many passes with the same weights
    return occlusionMap(network, { voxels, shape }, outputOf, occlusion, watch).finally(thaw);
  }
  return classActivationMap(network, tf.tensor5d(voxels, [1, ...shape, 1]), {
    method: method as CamMethod,
    stage,
    outputOf,
  });
}
