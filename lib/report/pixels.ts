/** Pixels as pictures inside SVG. */
import sharp from "sharp";

export interface Pixels {
  /** Grey (1 channel) or RGB (3), row by row. */
  readonly values: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** A PNG data URI; every pixel becomes `zoom`×`zoom`, so that no viewer blurs what is to be seen. */
export async function pngUri({ values, width, height, channels }: Pixels, zoom = 1): Promise<string> {
  const png = await sharp(values, { raw: { width, height, channels } })
    .resize({ width: width * zoom, height: height * zoom, kernel: "nearest" })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
