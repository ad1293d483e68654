/** What the saliency experiment trains on and where it looks. */
import type { PhantomOptions } from "../../../lib/data/phantom/mod.ts";
import { demoPhantom } from "../../../lib/demo.ts";
import type { PartialTrainConfig } from "../../../lib/train/merge_config.ts";

/** Training: the demo's phantom and preset `tiny`. */
export const trainingPhantom = demoPhantom;
export const trainingConfig: PartialTrainConfig = { name: "saliency" };

/**
 * Maps are made of 40 positives that no network has met, all with mild disease: lesions fill 12 to 22 % of the lung, so
 * that a perfect map reaches a ratio of about 6. (Critical disease fills 80 to 93 %: no map can reach more than 1.2.)
 */
export const heldOutPhantom = {
  scans: { train: 0, validation: 0, test: 41 },
  sliceSize: 96,
  positiveShare: 0.98,
  annotatedShare: 1,
  severityMix: { mild: 1, moderate: 0, severe: 0, critical: 0 },
} as const satisfies Omit<PhantomOptions, "seed">;
/** Added to the seed, for scans of other patients. */
export const heldOutSeed = 1000;
