/** What the saliency experiment trains on, with what, and where it looks. */
import type { PhantomOptions } from "../../../lib/data/phantom/mod.ts";
import { demoPhantom } from "../../../lib/demo.ts";
import type { StageName } from "../../../lib/nn/network.ts";
import type { PartialTrainConfig } from "../../../lib/train/merge_config.ts";

export interface SaliencyRecipe {
  /** Training phantom, without its seed. */
  readonly phantom: Omit<PhantomOptions, "seed">;
  /** Over preset `tiny`. */
  readonly config: PartialTrainConfig;
  /** Stage of the Grad-CAM. */
  readonly layer: StageName;
}

const mildAlone = { mild: 1, moderate: 0, severe: 0, critical: 0 } as const;

/** The demo's phantom and network: it can answer without looking at lesions, and does. */
const demo: SaliencyRecipe = { phantom: demoPhantom, config: { name: "saliency" }, layer: "layer2" };

/**
 * Lesions as the only way to tell the classes apart, mild disease alone, so that every positive is decided by a small part
 * of its lung, and a network whose logit is a sum over places: average pooling, one linear layer with a bias. Two things
 * make the map fine enough for lesions of 2 to 6 cm: the lung's box instead of whole slices, and more voxels in the plane
 * than a slice has, so that the cells of layer3 (8 voxels) are small and what one of them sees (51 voxels) is not
 * everything.
 */
const lesions: SaliencyRecipe = {
  phantom: {
    scans: { train: 200, validation: 40, test: 40 },
    sliceSize: 96,
    positiveShare: 0.5,
    annotatedShare: 1,
    severityMix: mildAlone,
    confounder: "balanced",
  },
  config: {
    name: "saliency",
    epochs: 16,
    data: { crop: "lung", size: { depth: 16, height: 160, width: 160 } },
    model: {
      ...{ model: "mc3_18", widths: [8, 16, 32, 32], blocks: [1, 1, 1, 1], evenStride: true },
      ...{ pool: "average", penultimate: 0, finalBias: true },
    },
    loss: { severityFactor: 0 },
  },
  layer: "layer3",
};

export const recipes = { lesions, demo } as const;
export type RecipeName = keyof typeof recipes;

/**
 * Maps are made of 40 positives that no network has met, all with mild disease: lesions fill 12 to 22 % of the lung, so
 * that a perfect map reaches a ratio of about 6. (Critical disease fills 80 to 93 %: no map can reach more than 1.2.)
 */
export const heldOutPhantom = {
  scans: { train: 0, validation: 0, test: 41 },
  sliceSize: 96,
  positiveShare: 0.98,
  annotatedShare: 1,
  severityMix: mildAlone,
} as const satisfies Omit<PhantomOptions, "seed">;
/** Added to the seed, for scans of other patients. */
export const heldOutSeed = 1000;
