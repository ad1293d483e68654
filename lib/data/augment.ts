/** Augmentation as a sampled parameter and a pure application, so that a batch can be described, replayed and tested. */
import type { RandomStream } from "../random.ts";

/** What is done to one fetch of one scan, in this order: contrast, brightness, reflection. */
export interface Augmentation {
  /** Sagittal reflection: left and right (the last axis, W) are exchanged. */
  readonly reflect: boolean;
  /** Added to every voxel (unit: grey / 255); nothing when left out. */
  readonly brightness?: number;
  /** Factor of every voxel's distance from mid-grey, 0.5; 1 when left out. */
  readonly contrast?: number;
}

export interface AugmentationConfig {
  /** Chance of a sagittal reflection at each fetch of a training scan; 1/2 in the paper, 0 = off. */
  readonly reflection: number;
  /** σ of the normal shift; 0 = off (default). */
  readonly brightness?: number;
  /** σ of the log-normal factor, whose median is 1; 0 = off (default). */
  readonly contrast?: number;
}

export const noAugmentation: Augmentation = { reflect: false };

/** Every draw is made whatever is switched on, and the reflection first: one option does not change another's draws. */
export function sampleAugmentation(stream: RandomStream, config: AugmentationConfig): Augmentation {
  const { reflection, brightness = 0, contrast = 0 } = config;
  const reflect = stream.uniform() < reflection;
  const shift = stream.normal(), logFactor = stream.normal();
  return {
    reflect,
    ...(brightness === 0 ? {} : { brightness: brightness * shift }),
    ...(contrast === 0 ? {} : { contrast: Math.exp(contrast * logFactor) }),
  };
}

/**
 * An augmented copy of `voxels` (grey / 255, C order, rows of `width` along the last axis). The input is left as it is;
 * nothing is clipped, as in the 2023 program.
 */
export function applyAugmentation(voxels: Float32Array, width: number, augmentation: Augmentation): Float32Array {
  return augmentInPlace(voxels.slice(), width, augmentation);
}

/** As `applyAugmentation`, on the voxels themselves. */
export function augmentInPlace<Voxels extends Float32Array>(
  voxels: Voxels,
  width: number,
  { reflect, brightness = 0, contrast = 1 }: Augmentation,
): Voxels {
  if (brightness !== 0 || contrast !== 1) {
    for (let i = 0; i < voxels.length; i++) voxels[i] = contrast * (voxels[i]! - 0.5) + 0.5 + brightness;
  }
  if (reflect) reflectRows(voxels, width);
  return voxels;
}

/** Every row back to front; a plain loop is many times faster than `reverse` on a view of each row. */
function reflectRows(voxels: Float32Array, width: number): void {
  for (let row = 0; row < voxels.length; row += width) {
    for (let left = row, right = row + width - 1; left < right; left++, right--) {
      const voxel = voxels[left]!;
      voxels[left] = voxels[right]!;
      voxels[right] = voxel;
    }
  }
}
