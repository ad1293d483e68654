/**
 * One cached volume: a .npy file that NumPy reads as it is, followed by a footer that NumPy does not look at:
 *
 *   .npy header and array | JSON (CacheEntry) | SHA-256 of all before (32 bytes) | length of the JSON (uint32) | "COV3DVOL"
 */
import { createHash } from "node:crypto";
import { DataError } from "../errors.ts";
import { decodeNpy, encodeNpy, type NpyArray } from "./npy.ts";
import type { LungCrop } from "./lung_crop/crop.ts";
import type { SkippedSlice } from "./read.ts";
import type { Recipe } from "./size.ts";
import { type StoredVoxels, storedVoxels } from "./stored_voxels.ts";

/** What a cache file says about itself. */
export interface CacheEntry {
  readonly key: string;
  readonly recipe: Recipe;
  /** Folder that the slices were read from when the volume was made. */
  readonly source: string;
  /** Names of the slices, in order. */
  readonly slices: readonly string[];
  readonly skipped: readonly SkippedSlice[];
  /** What was cut out, where the recipe crops. */
  readonly crop?: LungCrop;
}

const magic = new TextEncoder().encode("COV3DVOL");
const tailBytes = 32 + 4 + magic.length;

/** File content for voxels in units of grey / 255. */
export function encodeVolume(voxels: Float32Array, entry: CacheEntry): Uint8Array<ArrayBuffer> {
  const { size, dtype } = entry.recipe;
  const npy = encodeNpy({ shape: [size.depth, size.height, size.width], data: storedVoxels(voxels, dtype) });
  const json = new TextEncoder().encode(JSON.stringify(entry));
  const bytes = new Uint8Array(npy.length + json.length + tailBytes);
  bytes.set(npy);
  bytes.set(json, npy.length);
  const end = npy.length + json.length;
  bytes.set(createHash("sha256").update(bytes.subarray(0, end)).digest(), end);
  new DataView(bytes.buffer).setUint32(end + 32, json.length, true);
  bytes.set(magic, end + 36);
  return bytes;
}

/**
 * Checks and reads a cache file; `stored` is a view into its bytes where alignment allows.
 * @param sum false: leave out the checksum of a file that was checked before
 * @throws DataError "cache-damaged": cut short, changed, or not a cache file
 */
export function decodeVolume(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
  { sum = true }: { sum?: boolean } = {},
): { stored: StoredVoxels; entry: CacheEntry } {
  const end = bytes.length - tailBytes;
  if (end < 0 || magic.some((byte, i) => bytes[end + 36 + i] !== byte)) throw damaged(file, "its end is missing");
  if (sum && !sumMatches(bytes, end)) throw damaged(file, "its checksum does not match");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(end + 32, true);
  if (length > end) throw damaged(file, "its footer has an impossible length");
  let entry: CacheEntry, array: NpyArray;
  try {
    entry = JSON.parse(new TextDecoder().decode(bytes.subarray(end - length, end)));
    array = decodeNpy(bytes, file);
  } catch (cause) {
    throw damaged(file, (cause as Error).message, cause);
  }
  const { size, dtype } = entry.recipe;
  const fits = array.dtype === dtype && array.shape.join() === [size.depth, size.height, size.width].join();
  if (!fits || array.byteLength !== end - length) throw damaged(file, "array and footer disagree");
  return { stored: array.data, entry };
}

function sumMatches(bytes: Uint8Array, end: number): boolean {
  const sum: Uint8Array = createHash("sha256").update(bytes.subarray(0, end)).digest();
  return sum.every((byte, i) => bytes[end + i] === byte);
}

/**
 * The footer alone, without reading or checking the array.
 * @throws DataError "cache-damaged"
 */
export async function readEntry(file: string): Promise<CacheEntry> {
  using handle = await Deno.open(file, { read: true });
  const { size } = await handle.stat();
  const tail = await readAt(handle, Math.max(0, size - tailBytes), Math.min(size, tailBytes));
  const isWhole = tail.length === tailBytes && magic.every((byte, i) => tail[36 + i] === byte);
  const length = isWhole ? new DataView(tail.buffer).getUint32(32, true) : 0;
  if (!isWhole || length > size - tailBytes) throw damaged(file, "its end is missing");
  try {
    return JSON.parse(new TextDecoder().decode(await readAt(handle, size - tailBytes - length, length)));
  } catch (cause) {
    throw damaged(file, (cause as Error).message, cause);
  }
}

async function readAt(handle: Deno.FsFile, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  await handle.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await handle.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function damaged(file: string, found: string, cause?: unknown): DataError {
  return new DataError("cache-damaged", "the cached volume is damaged", { file, found, cause });
}
