/** The lung of a grey volume as a mask on the volume's own slices. */
import { resizeBicubic } from "../bicubic.ts";
import type { Volume } from "../types.ts";
import { cropSide, locateLung, type LungCrop } from "./crop.ts";

export type { LungCrop } from "./crop.ts";

export interface LungMask {
  /** uint8 [depth, height, width] of the given volume, 1 = lung; all 0 where none was found. */
  readonly mask: Uint8Array<ArrayBuffer>;
  /** What the lung crop would do, with the reason where no lung was found. */
  readonly crop: LungCrop;
}

/**
 * Both lungs with the vessels and lesions that they enclose, and with the airways that open into them: an estimate from
 * grey levels, made for crops and overlays and not for measuring. See `findLung` for the method.
 *
 * `voxels` are 8-bit grey of a lung window, e.g. of `readSquares`.
 */
export function lungMask({ voxels, shape }: Pick<Volume<Uint8Array>, "voxels" | "shape">): LungMask {
  const [depth, height, width] = shape, plane = height * width, square = cropSide * cropSide;
  const squares = new Uint8Array(depth * square);
  for (let z = 0; z < depth; z++) {
    const pixels = voxels.subarray(z * plane, (z + 1) * plane);
    squares.set(resizeBicubic({ pixels, width, height }, cropSide, cropSide).pixels, z * square);
  }
  const { lung, crop } = locateLung(squares, depth), mask = new Uint8Array(depth * plane);
  if (lung === undefined) return { mask, crop };
  const dropped = new Set(crop.dropped);
  for (let z = 0, kept = 0; z < depth; z++) {
    if (dropped.has(z)) continue;
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y + 0.5) * cropSide / height);
      for (let x = 0; x < width; x++) {
        if (lung.mask.has(kept, row, Math.floor((x + 0.5) * cropSide / width))) mask[z * plane + y * width + x] = 1;
      }
    }
    kept++;
  }
  return { mask, crop };
}
