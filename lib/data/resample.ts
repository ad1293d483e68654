/** Slices to a volume of the target size: bicubic in the plane, /255, cubic spline along depth. */
import { type GreyImage, resizeBicubic } from "./bicubic.ts";
import { distortedSplineMatrix, distortImage } from "./distortion.ts";
import type { Recipe } from "./size.ts";
import { applyDepthMatrix, splineMatrix } from "./spline.ts";
import type { VolumeSize } from "./types.ts";

/** One decoded slice at the recipe's in-plane size: uint8 [height, width], written into `output`. */
export function resamplePlane(slice: GreyImage, recipe: Pick<Recipe, "size" | "distortion">, output: Uint8Array): void {
  const { width, height } = recipe.size;
  const image = recipe.distortion ? distortImage(slice) : slice;
  output.set(resizeBicubic(image, width, height).pixels);
}

/**
 * Depth interpolation of `count` resized slices (uint8 [count, height, width]) to [depth, height, width] in units of
 * grey / 255. Values may leave [0, 1]: a cubic overshoots at edges, and the original does not clip.
 */
export function resampleDepth<Output extends Float32Array | Float64Array>(
  planes: Uint8Array,
  count: number,
  { size, distortion }: { size: VolumeSize; distortion: boolean },
  output: Output,
): Output {
  const matrix = (distortion ? distortedSplineMatrix : splineMatrix)(count, size.depth);
  return applyDepthMatrix(matrix, planes, output, 1 / 255);
}

/** Rounds voxels in place to what the recipe's number type can hold, so that cached and fresh volumes are equal. */
export function quantize(voxels: Float32Array, dtype: Recipe["dtype"]): Float32Array {
  if (dtype === "float16") voxels.set(new Float16Array(voxels));
  else if (dtype === "uint8") { for (let i = 0; i < voxels.length; i++) voxels[i] = toUint8(voxels[i]!) / 255; }
  return voxels;
}

/** Unit intensity to the nearest 8-bit grey, clipped: the uint8 cache loses the overshoots. */
export function toUint8(unit: number): number {
  return Math.min(255, Math.max(0, Math.round(unit * 255)));
}

/** Mean and standard deviation of all pixels of the original's training and validation slices. */
export const originalStatistics = { mean: 0.39467953936257016, standardDeviation: 0.32745144936428694 } as const;

/** (x − mean) / standard deviation, in place; off by default in the original and here. */
export function normalize<Voxels extends Float32Array | Float64Array>(
  voxels: Voxels,
  { mean, standardDeviation } = originalStatistics as { mean: number; standardDeviation: number },
): Voxels {
  for (let i = 0; i < voxels.length; i++) voxels[i] = (voxels[i]! - mean) / standardDeviation;
  return voxels;
}

/** Hounsfield units to [0, 1] by clipping to a window; the default is MIA-COV19D's. */
export function windowHu(hu: number, low = -1150, high = 350): number {
  return (Math.min(high, Math.max(low, hu)) - low) / (high - low);
}
