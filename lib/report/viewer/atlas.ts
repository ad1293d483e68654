/** A volume as one picture: its axial slices side by side, as a browser can decode it at once. */
import sharp from "sharp";
import type { Volume } from "../../data/types.ts";

export interface Atlas {
  /** `data:` address of a WebP picture. */
  readonly image: string;
  /** Slices, and rows and columns of one slice. */
  readonly shape: readonly [depth: number, height: number, width: number];
  /** Slices in one row of the picture. */
  readonly columns: number;
}

export interface AtlasOptions {
  /** 8-bit values, C order [D, H, W]. */
  readonly voxels: Uint8Array;
  readonly shape: Volume["shape"];
  /** 1 … 100; 100 is lossless. */
  readonly quality: number;
}

/** WebP holds pictures of at most 16,383 pixels a side. */
const longestSide = 16_383;

export async function encodeAtlas({ voxels, shape, quality }: AtlasOptions): Promise<Atlas> {
  const [depth, height, width] = shape;
  const columns = Math.min(Math.ceil(Math.sqrt(depth * height / width)), Math.floor(longestSide / width));
  const rows = Math.ceil(depth / columns);
  const pixels = new Uint8Array(rows * height * columns * width);
  for (let slice = 0; slice < depth; slice++) {
    const left = (slice % columns) * width, top = Math.floor(slice / columns) * height;
    for (let row = 0; row < height; row++) {
      const from = (slice * height + row) * width;
      pixels.set(voxels.subarray(from, from + width), (top + row) * columns * width + left);
    }
  }
  const webp = await sharp(pixels, { raw: { width: columns * width, height: rows * height, channels: 1 } })
    .webp(quality >= 100 ? { lossless: true, effort: 4 } : { quality, effort: 4 })
    .toBuffer();
  return { image: `data:image/webp;base64,${webp.toString("base64")}`, shape: [depth, height, width], columns };
}
