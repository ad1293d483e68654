/** What a JPEG or PNG says about itself, read from its first bytes without decoding. */
import { DataError } from "../errors.ts";

export interface ImageHeader {
  readonly format: "jpeg" | "png";
  readonly width: number;
  readonly height: number;
  /** Channels as stored: 1 grey (or palette), 2 grey+alpha, 3 RGB/YCbCr, 4 RGBA or CMYK. */
  readonly channels: number;
  readonly bitDepth: number;
  readonly palette: boolean;
}

/**
 * @throws DataError "image-empty" (no bytes) | "image-format" (neither JPEG nor PNG, or a header cut short) |
 *   "image-dimensions" (a side of zero)
 */
export function readImageHeader(bytes: Uint8Array, file: string): ImageHeader {
  if (bytes.length === 0) throw new DataError("image-empty", "the image has no bytes", { file });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = isJpeg(bytes) ? jpegHeader(view) : isPng(bytes) ? pngHeader(view) : undefined;
  if (header === undefined) {
    throw new DataError("image-format", "not a readable image", {
      file,
      expected: "a complete JPEG or PNG header",
      found: isJpeg(bytes) || isPng(bytes) ? "a header cut short" : `first bytes ${firstBytes(bytes)}`,
    });
  }
  if (header.width < 1 || header.height < 1) {
    throw new DataError("image-dimensions", "the image has no pixels", {
      file,
      found: `${header.width}×${header.height}`,
    });
  }
  return header;
}

const isJpeg = (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xd8;
const isPng = (bytes: Uint8Array) => [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((b, i) => bytes[i] === b);

function firstBytes(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Walks the JPEG's segments to its frame header (SOF0…SOF15 without DHT, JPG and DAC). */
function jpegHeader(view: DataView): ImageHeader | undefined {
  let at = 2;
  while (at + 4 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) return undefined; // pixels or end before a frame header
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (at + 10 > view.byteLength) return undefined;
      return {
        format: "jpeg",
        bitDepth: view.getUint8(at + 4),
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        channels: view.getUint8(at + 9),
        palette: false,
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

const pngChannels: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function pngHeader(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 29 || view.getUint32(12) !== 0x49484452) return undefined; // "IHDR"
  const colour = view.getUint8(25), channels = pngChannels[colour];
  if (channels === undefined) return undefined;
  return {
    format: "png",
    width: view.getUint32(16),
    height: view.getUint32(20),
    bitDepth: view.getUint8(24),
    channels,
    palette: colour === 3,
  };
}

/**
 * A cheap look at the end of the file, for where nothing is decoded.
 * @throws DataError "image-damaged" when a JPEG or PNG lacks its end marker
 */
export function checkWhole(bytes: Uint8Array, { format }: ImageHeader, file: string): void {
  const end = format === "jpeg" ? [0xff, 0xd9] : [0x49, 0x45, 0x4e, 0x44]; // EOI; "IEND"
  const from = Math.max(0, bytes.length - 1024); // some writers append a little after the end
  for (let at = bytes.length - end.length; at >= from; at--) {
    if (end.every((byte, i) => bytes[at + i] === byte)) return;
  }
  throw new DataError("image-damaged", "the image is cut short (no end marker)", { file });
}
