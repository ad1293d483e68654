/**
 * The 2023 program's reader: slices at 512 × 512, dark ones left out, cut to the lung's box, resized as scikit-image does.
 * Where the original fails (its volume is then all zero, or not in units of grey / 255), the whole slices are resized
 * instead and the reason is recorded.
 */
import { type Box, resizeBox } from "../antialiased_resize.ts";
import type { VolumeSize } from "../types.ts";
import { findLung, type FoundLung, type LungFailure } from "./find_lung.ts";

/** Raised whenever the same slices would be cropped otherwise; part of the key of cached crops. */
export const lungCropVersion = 1;

/** Side of the slices in which the lung is looked for; those of another size are resized (bicubic) first. */
export const cropSide = 512;
/** A slice with nothing brighter is blank and left out. */
const blankBelow = 30;

/** What was cut out of a scan. */
export interface LungCrop {
  /** "whole": nothing, for the `reason`. */
  readonly kind: "lung" | "whole";
  /** "blank": no slice shows anything. */
  readonly reason?: LungFailure | "blank";
  /** In voxels of the slices that were kept, at 512 × 512. */
  readonly box: Box;
  /** Blank slices that were left out: places in the scan from 0, counted without unreadable slices. */
  readonly dropped: readonly number[];
  /** How the lung was told from the rest, where it was found: see `findLung`. */
  readonly threshold?: number;
  readonly radius?: number;
}

/** Slices ready to be cropped. */
export interface LocatedLung {
  /** uint8 [depth, 512, 512]: the slices that are not blank. */
  readonly voxels: Uint8Array;
  readonly size: VolumeSize;
  readonly crop: LungCrop;
  /** Absent where no lung was found. */
  readonly lung?: FoundLung;
}

/** `planes`: uint8 [count, 512, 512], changed in place where slices are left out. */
export function locateLung(planes: Uint8Array, count: number): LocatedLung {
  const { depth, dropped } = dropBlank(planes, count), plane = cropSide * cropSide;
  const isBlank = depth === 0, size = { depth: isBlank ? count : depth, height: cropSide, width: cropSide };
  const voxels = planes.subarray(0, size.depth * plane),
    whole = { start: { depth: 0, height: 0, width: 0 }, end: size };
  if (isBlank) return { voxels, size, crop: { kind: "whole", reason: "blank", box: whole, dropped: [] } };
  const lung = findLung(voxels, size);
  if (lung.kind === "none") return { voxels, size, crop: { kind: "whole", reason: lung.reason, box: whole, dropped } };
  const { box, threshold, radius } = lung;
  return { voxels, size, lung, crop: { kind: "lung", box, dropped, threshold, radius } };
}

/** Moves the slices that are not blank together, in order. */
function dropBlank(planes: Uint8Array, count: number): { depth: number; dropped: number[] } {
  const plane = cropSide * cropSide, dropped: number[] = [];
  let depth = 0;
  for (let i = 0; i < count; i++) {
    const slice = planes.subarray(i * plane, (i + 1) * plane);
    if (!slice.some((grey) => grey > blankBelow)) {
      dropped.push(i);
      continue;
    }
    if (depth !== i) planes.copyWithin(depth * plane, i * plane, (i + 1) * plane);
    depth++;
  }
  return { depth, dropped };
}

/** The crop in units of grey / 255, resized to [depth, height, width]. */
export function resizeCrop({ voxels, size, crop }: LocatedLung, target: VolumeSize): Float32Array<ArrayBuffer> {
  const output = new Float32Array(target.depth * target.height * target.width);
  return resizeBox({ voxels, size }, crop.box, target, output, 1 / 255);
}
