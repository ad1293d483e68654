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
 * Mild disease alone, so that every positive is decided by a small part of its lung, and lesions as the only dense thing
 * that negatives lack. The network's logit is a sum over places (average pooling, one linear layer with a bias), and it
 * sees little at a time: two stages of one block, on the lung's box. So it cannot answer from far away, and what it sees
 * is where its map is hot.
 */
const lesions: SaliencyRecipe = {
  phantom: {
    scans: { train: 160, validation: 40, test: 40 },
    sliceSize: 96,
    positiveShare: 0.5,
    annotatedShare: 1,
    severityMix: mildAlone,
    confounder: "none",
  },
  config: {
    name: "saliency",
    epochs: 10,
    data: { crop: "lung", size: { depth: 16, height: 96, width: 96 } },
    model: {
      ...{ model: "tiny", widths: [16, 32], blocks: [1, 1], evenStride: false },
      ...{ pool: "average", penultimate: 0, finalBias: true, dropout: 0.1 },
    },
    loss: { severityFactor: 0 },
  },
  layer: "layer2",
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
