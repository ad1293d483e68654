/** How a scan was taken: slices, field of view, dose, reconstruction kernel, window, JPEG quality. */
import type { RandomStream } from "../../random.ts";
import type { Anatomy } from "./anatomy.ts";
import { bell, between, chance } from "./noise.ts";

export interface Acquisition {
  /** Number of slices and their spacing; the first lies at `firstMm` from the lung apex. */
  readonly depth: number;
  readonly spacingMm: number;
  readonly firstMm: number;
  /** In plane. */
  readonly pixelMm: number;
  /** Position of the patient on the table: shift in mm and the tangent of half the angle of rotation. */
  readonly pose: { x: number; y: number; halfAngle: number };
  readonly tableMm: number;
  /** HU of well-aerated lung and standard deviation of the noise. */
  readonly lungHu: number;
  readonly noiseHu: number;
  /** Weight of the neighbours in the blur of the reconstruction kernel (0 sharp … 0.25 soft). */
  readonly blur: number;
  /** HU shown as black and as white. */
  readonly window: readonly [number, number];
  readonly jpegQuality: number;
  /** Slices blurred by motion: [first share, last share, extra passes of blur]; absent when the patient kept still. */
  readonly motion?: readonly [number, number, number];
}

/** Slices of a thick (≥ 5 mm) and of a thin protocol at full resolution: the two humps of the paper's figure 1. */
const thickSlices = [40, 78] as const;
const thinSlices = [190, 420] as const;
const thickShare = 0.58;
/** A small phantom's thick scans still have enough slices to show what is in them. */
const fewestThickSlices = [16, 28] as const;

export interface AcquisitionOptions {
  readonly anatomy: Anatomy;
  readonly sliceSize: number;
  /** Factor on the number of slices; 1 = as in a hospital. */
  readonly depthScale: number;
  readonly random: RandomStream;
}

export function drawAcquisition({ anatomy, sliceSize, depthScale, random }: AcquisitionOptions): Acquisition {
  const depth = Math.round(bell(random, ...sliceRange(chance(random, thickShare), depthScale)));
  const above = between(random, 2, 22), below = between(random, 4, 30);
  const length = above + anatomy.lungHeight + below;
  const fieldOfView = 2 * (anatomy.halfWidth + anatomy.muscle + anatomy.fat) * between(random, 1, 1.14);
  const centre = -400 + bell(random, -70, 70), width = 1500 + bell(random, -220, 220);
  return {
    depth,
    spacingMm: length / depth,
    firstMm: -above + 0.5 * length / depth,
    pixelMm: fieldOfView / sliceSize,
    pose: { x: bell(random, -10, 10), y: bell(random, -14, 8), halfAngle: bell(random, -0.045, 0.045) },
    tableMm: between(random, 2, 14),
    lungHu: bell(random, -900, -770),
    // Smaller slices are averages of more of the detector's pixels.
    noiseHu: between(random, 22, 85) * Math.sqrt(Math.min(1, sliceSize / 512)),
    blur: between(random, 0.02, 0.2),
    window: [Math.round(centre - width / 2), Math.round(centre + width / 2)],
    jpegQuality: random.integer(82, 95),
    ...(chance(random, 0.15)
      ? { motion: [between(random, 0.3, 0.7), between(random, 0.7, 1), sliceSize < 256 ? 1 : 3] as const }
      : {}),
  };
}

function sliceRange(isThick: boolean, depthScale: number): readonly [fewest: number, most: number] {
  const [fewest, most] = isThick ? thickSlices : thinSlices;
  const [least, enough] = isThick ? fewestThickSlices : [0, 1];
  return [Math.max(least, fewest * depthScale), Math.max(enough, most * depthScale)];
}
