/** Looks at every slice file of a dataset: header, pixels (unless quick), content hash. */
import { createHash } from "node:crypto";
import pLimit from "p-limit";
import { Cov3dError } from "../errors.ts";
import { checkWhole, type ImageHeader, readImageHeader } from "./image_header.ts";
import type { GreyImage } from "./bicubic.ts";
import { decodeImage, readImageBytes } from "./image.ts";
import type { Scan } from "./types.ts";

/** What is known of one readable slice. */
export interface SliceFacts {
  readonly slice: string;
  /** "512×512" (width×height). */
  readonly size: string;
  /** "jpeg grey 8-bit", "png palette 8-bit" … */
  readonly format: string;
  /** Hash of the grey pixels, or of the file's bytes where they were not decoded. */
  readonly content: string;
  /** Every pixel has the same value; false where pixels were not decoded. */
  readonly blank: boolean;
  /** What a strict decoder complains about, where the usual one reads the slice all the same. */
  readonly warning?: string;
}

export interface UnreadableSlice {
  readonly scan: string;
  readonly slice: string;
  /** `code` of the typed error that reading it gives. */
  readonly code: string;
  readonly message: string;
}

export interface Inspection {
  /** Readable slices by scan key, in slice order. */
  readonly slices: ReadonlyMap<string, readonly SliceFacts[]>;
  readonly unreadable: readonly UnreadableSlice[];
}

export interface InspectOptions {
  readonly quick: boolean;
  /** Slices done, slices in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export async function inspectScans(
  scans: readonly Scan[],
  { quick, onProgress, signal }: InspectOptions,
): Promise<Inspection> {
  const limit = pLimit(navigator.hardwareConcurrency * 2);
  const total = scans.reduce((sum, scan) => sum + scan.slices.length, 0);
  const slices = new Map<string, SliceFacts[]>(), unreadable: UnreadableSlice[] = [];
  let done = 0;
  for (const scan of scans) {
    signal?.throwIfAborted();
    const facts = await Promise.all(scan.slices.map((slice) => limit(inspectSlice, scan, slice, quick)));
    for (const fact of facts) if ("code" in fact) unreadable.push(fact);
    slices.set(scan.key, facts.filter((fact): fact is SliceFacts => !("code" in fact)));
    onProgress?.(done += scan.slices.length, total);
  }
  return { slices, unreadable };
}

async function inspectSlice(scan: Scan, slice: string, quick: boolean): Promise<SliceFacts | UnreadableSlice> {
  const file = `${scan.folder}/${slice}`;
  try {
    const bytes = await readImageBytes(file), header = readImageHeader(bytes, file);
    const facts = { slice, size: shared(`${header.width}×${header.height}`), format: shared(formatOf(header)) };
    if (quick) {
      checkWhole(bytes, header, file);
      return { ...facts, content: hashOf(bytes), blank: false };
    }
    const { image: { pixels, width, height }, ...warning } = await decodeStrictly(bytes, file);
    const blank = pixels.every((pixel) => pixel === pixels[0]);
    return { ...facts, content: `${width}×${height}:${hashOf(pixels)}`, blank, ...warning };
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    return { scan: scan.key, slice, code: error.code, message: error.message };
  }
}

async function decodeStrictly(bytes: Uint8Array, file: string): Promise<{ image: GreyImage; warning?: string }> {
  try {
    return { image: await decodeImage(bytes, file, { strict: true }) };
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    return { image: await decodeImage(bytes, file), warning: error.message };
  }
}

/** 128 bits are enough, and half a million of them have to fit into memory. */
function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest().subarray(0, 16).toString("base64url");
}

const texts = new Map<string, string>();

/** The same text once in memory, however many slices say it; there are a few hundred different ones at most. */
function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size < 1000) texts.set(text, text);
  return text;
}

function formatOf({ format, channels, bitDepth, palette }: ImageHeader): string {
  const four = format === "jpeg" ? "CMYK" : "RGBA";
  const mode = palette ? "palette" : ["", "grey", "grey+alpha", "colour", four][channels] ?? `${channels} channels`;
  return `${format} ${mode} ${bitDepth}-bit`;
}
