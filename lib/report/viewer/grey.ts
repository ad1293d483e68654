/** Volumes as 8-bit grey of a size that a page can carry. */
import sharp from "sharp";
import type { Volume } from "../../data/types.ts";

export interface GreyVolume {
  /** C order [D, H, W]. */
  readonly voxels: Uint8Array;
  readonly shape: Volume["shape"];
  /** Values that 0 and 255 stand for. */
  readonly range: readonly [number, number];
}

/** Values that grey 0 and 255 stand for: what lies outside is cut off. */
const ranges = { uint8: [0, 255], unit: [0, 1], hu: [-1200, 600] } as const;

export function toGrey({ voxels, shape, intensity }: Volume): GreyVolume {
  const range = ranges[intensity];
  if (voxels instanceof Uint8Array && intensity === "uint8") return { voxels, shape, range };
  const [low, high] = range;
  const grey = new Uint8Array(voxels.length);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(255 * Math.min(1, Math.max(0, (voxels[i]! - low) / (high - low))));
  }
  return { voxels: grey, shape, range };
}

/** Makes rows and columns of the slices smaller until neither is above `side`. */
export async function reduceGrey(volume: GreyVolume, side: number): Promise<GreyVolume> {
  const [depth, height, width] = volume.shape;
  const scale = Math.min(1, side / Math.max(height, width));
  if (scale === 1) return volume;
  const rows = Math.max(1, Math.round(height * scale)), columns = Math.max(1, Math.round(width * scale));
  const voxels = new Uint8Array(depth * rows * columns);
  for (let slice = 0; slice < depth; slice++) {
    const pixels = volume.voxels.subarray(slice * height * width, (slice + 1) * height * width);
    const small = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .resize({ width: columns, height: rows, fit: "fill", kernel: "cubic" }).toColourspace("b-w").raw().toBuffer();
    voxels.set(small, slice * rows * columns);
  }
  return { voxels, shape: [depth, rows, columns], range: volume.range };
}
