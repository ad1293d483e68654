/** Augmentation as a sampled parameter and a pure application, so that a batch can be described, replayed and tested. */
import type { RandomStream } from "../random.ts";

/** What is done to one fetch of one scan. */
export interface Augmentation {
  /** Sagittal reflection: left and right (the last axis, W) are exchanged. */
  readonly reflect: boolean;
}

export interface AugmentationConfig {
  /** Chance of a sagittal reflection at each fetch of a training scan; 1/2 in the paper, 0 = off. */
  readonly reflection: number;
}

export const noAugmentation: Augmentation = { reflect: false };

export function sampleAugmentation(stream: RandomStream, config: AugmentationConfig): Augmentation {
  return { reflect: stream.uniform() < config.reflection };
}

/**
 * Writes an augmented copy of `voxels` (C order, rows of `width` along the last axis) into `target`, which must be as
 * long. The input is left as it is.
 */
export function applyAugmentation(
  voxels: Float32Array,
  width: number,
  { reflect }: Augmentation,
  target: Float32Array = new Float32Array(voxels.length),
): Float32Array {
  target.set(voxels);
  if (reflect) {
    for (let row = 0; row < target.length; row += width) target.subarray(row, row + width).reverse();
  }
  return target;
}
