/**
 * One slice image as 8-bit grey. Decoding is sharp's (libjpeg-turbo, libspng); the conversion to grey is Pillow's
 * `convert("L")`: colour by its integer luma, CMYK through its RGB, palette looked up, alpha dropped. Embedded colour
 * profiles and the EXIF orientation are ignored, as Pillow ignores them.
 *
 * One deliberate difference: 16-bit PNG keeps the high byte of each sample, which is what Pillow does for colour;
 * its 16-bit *grey* instead clips everything above 255 to white, which would leave nothing of a CT slice.
 */
import sharp from "sharp";
import { Cov3dError, DataError } from "../errors.ts";
import type { GreyImage } from "./bicubic.ts";
import { type ImageHeader, readImageHeader } from "./image_header.ts";

/** Larger images are refused before decoding: no CT slice has them, but a damaged or hostile file may claim them. */
export const imageLimits = { side: 16_384, pixels: 64 * 1024 * 1024 } as const;

sharp.concurrency(1); // many slices at once, one thread each
sharp.cache(false); // every slice is decoded once

/**
 * Reads and decodes one JPEG or PNG file.
 * @throws DataError "image-missing" | "image-unreadable" | those of `decodeImage`
 */
export async function readImage(file: string): Promise<GreyImage> {
  return await decodeImage(await readImageBytes(file), file);
}

/** The bytes of an image file. @throws DataError "image-missing" | "image-unreadable" */
export async function readImageBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new DataError("image-missing", "the slice is not there any more, or is a link to nothing", { file, cause });
    }
    throw new DataError("image-unreadable", `the file cannot be read (${reason(cause)})`, { file, cause });
  }
}

export interface DecodeOptions {
  /**
   * Also refuse what decoders repair silently (a JPEG with missing rows or stray bytes). Off by default, as in Pillow.
   */
  readonly strict?: boolean;
}

/**
 * @throws DataError "image-empty" | "image-format" | "image-dimensions" | "image-too-large" (see `imageLimits`) |
 *   "image-damaged" (cut short or broken pixel data)
 */
export async function decodeImage(
  bytes: Uint8Array,
  file: string,
  { strict = false }: DecodeOptions = {},
): Promise<GreyImage> {
  const header = readImageHeader(bytes, file);
  if (Math.max(header.width, header.height) > imageLimits.side || header.width * header.height > imageLimits.pixels) {
    throw new DataError("image-too-large", "the image claims to be larger than any CT slice", {
      file,
      expected: `at most ${imageLimits.side} pixels a side and ${imageLimits.pixels / 2 ** 20} Mi pixels`,
      found: `${header.width}×${header.height}`,
    });
  }
  try {
    return await decodePixels(bytes, header, strict);
  } catch (cause) {
    if (cause instanceof Cov3dError) throw cause;
    throw new DataError("image-damaged", `the image cannot be decoded (${reason(cause)})`, { file, cause });
  }
}

async function decodePixels(bytes: Uint8Array, header: ImageHeader, strict: boolean): Promise<GreyImage> {
  const failOn = strict ? "warning" : "error";
  const image = sharp(bytes, { failOn, ignoreIcc: true, limitInputPixels: imageLimits.pixels });
  if (header.format === "jpeg" && header.channels === 4) {
    const raw = await image.pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer({
      resolveWithObject: true,
    });
    return { pixels: greyOfCmyk(raw.data), width: raw.info.width, height: raw.info.height };
  }
  const isGrey = header.channels <= 2 && !header.palette;
  const deep = header.bitDepth === 16;
  const space = isGrey ? (deep ? "grey16" : "b-w") : deep ? "rgb16" : "srgb";
  const { data, info } = await image.toColourspace(space).raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const samples = deep ? highBytes(data) : data;
  const count = info.width * info.height, channels = samples.length / count;
  return { pixels: greyOf(samples, channels), width: info.width, height: info.height };
}

/** Pillow's luma: (19595 R + 38470 G + 7471 B + 32768) >> 16. */
export function luma(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 32768) >>> 16;
}

/** Interleaved samples (1 grey, 2 grey + alpha, 3 RGB, 4 RGBA) to grey. */
function greyOf(samples: Uint8Array, channels: number): Uint8Array {
  if (channels === 1) return samples;
  const grey = new Uint8Array(samples.length / channels);
  for (let i = 0, s = 0; i < grey.length; i++, s += channels) {
    grey[i] = channels === 2 ? samples[s]! : luma(samples[s]!, samples[s + 1]!, samples[s + 2]!);
  }
  return grey;
}

/** Pillow's CMYK → RGB → grey: each of C, M, Y takes its share of what black leaves, with its rounding of a·b/255. */
function greyOfCmyk(samples: Uint8Array): Uint8Array {
  const grey = new Uint8Array(samples.length / 4);
  for (let i = 0, s = 0; i < grey.length; i++, s += 4) {
    const light = 255 - samples[s + 3]!;
    const channel = (ink: number) => {
      const product = ink * light + 128;
      return Math.max(0, light - (((product >> 8) + product) >> 8));
    };
    grey[i] = luma(channel(samples[s]!), channel(samples[s + 1]!), channel(samples[s + 2]!));
  }
  return grey;
}

/** High bytes of native-endian (little-endian on every platform of ours) 16-bit samples. */
function highBytes(samples: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: samples.length / 2 }, (_, i) => samples[2 * i + 1]!);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
}
