/** A scan's slice images on disk → a volume of the recipe's size. */
import pLimit from "p-limit";
import { Cov3dError, DataError } from "../errors.ts";
import { decodeImage, readImageBytes } from "./image.ts";
import { type GreyImage, resizeBicubic } from "./bicubic.ts";
import { cropSide, locateLung, type LungCrop, resizeCrop } from "./lung_crop/crop.ts";
import { quantize, resampleDepth, resamplePlane } from "./resample.ts";
import type { Recipe } from "./size.ts";
import type { Scan, Volume } from "./types.ts";

export interface LoadScanOptions {
  /** Leave out slices that cannot be read and say which (default: the first one is an error). */
  readonly skipUnreadable?: boolean;
  readonly signal?: AbortSignal;
  /** Slices decoded at the same time (default: the number of cores + 1). */
  readonly concurrency?: number;
  /** Where the bytes of slice number `index` come from (default: its file). */
  readonly bytesOf?: (index: number) => Promise<Uint8Array>;
}

export interface SkippedSlice {
  readonly slice: string;
  /** The `code` of the typed error that reading it gave. */
  readonly code: string;
  readonly reason: string;
}

export interface LoadedVolume extends Volume<Float32Array<ArrayBuffer>> {
  readonly intensity: "unit";
  /** Slices left out because of `skipUnreadable`. */
  readonly skipped: readonly SkippedSlice[];
  /** What was cut out, where the recipe crops. */
  readonly crop?: LungCrop;
}

/**
 * Reads and resamples one scan: [depth, height, width] float32, grey / 255 rounded to the recipe's dtype. A scan with
 * one slice is repeated along depth. Nothing is cached: see cache.ts.
 * @throws DataError "scan-empty" (no slices), "scan-unreadable" (all of them skipped), or those of `readImage`
 */
export async function loadScan(scan: Scan, recipe: Recipe, options: LoadScanOptions = {}): Promise<LoadedVolume> {
  const { depth, height, width } = recipe.size;
  const whole = { shape: [depth, height, width], intensity: "unit", source: scan.folder } as const;
  if (recipe.crop === "lung") {
    const { planes, count, skipped } = await readSquares(scan, options);
    const located = locateLung(planes, count), voxels = resizeCrop(located, recipe.size);
    quantize(voxels, recipe.dtype);
    return { voxels, ...whole, skipped, crop: located.crop };
  }
  const resample = (image: GreyImage, output: Uint8Array) => resamplePlane(image, recipe, output);
  const { planes, count, skipped } = await readPlanes(scan, height * width, resample, options);
  const voxels = resampleDepth(planes, count, recipe, new Float32Array(depth * height * width));
  quantize(voxels, recipe.dtype);
  return { voxels, ...whole, skipped };
}

/**
 * The scan's slices at the size in which a lung is looked for: uint8 [count, 512, 512].
 * @throws DataError as `loadScan`
 */
export function readSquares(scan: Scan, options: LoadScanOptions = {}): Promise<Planes> {
  const resample = (image: GreyImage, output: Uint8Array) =>
    output.set(resizeBicubic(image, cropSide, cropSide).pixels);
  return readPlanes(scan, cropSide * cropSide, resample, options);
}

export function emptyScan(scan: Scan): DataError {
  return new DataError("scan-empty", "the scan has no slices", {
    file: scan.folder,
    expected: "images named <number>.jpg or <number>.png",
    found: scan.ignored === 0 ? "an empty folder" : `${scan.ignored} other entries`,
  });
}

export interface Planes {
  /** uint8 [count, height, width]: slices that could be read */
  readonly planes: Uint8Array;
  readonly count: number;
  readonly skipped: SkippedSlice[];
}

async function readPlanes(
  scan: Scan,
  plane: number,
  resample: (image: GreyImage, output: Uint8Array) => void,
  options: LoadScanOptions,
): Promise<Planes> {
  if (scan.slices.length === 0) throw emptyScan(scan);
  const { concurrency = navigator.hardwareConcurrency + 1, skipUnreadable = false, signal, bytesOf } = options;
  const planes = new Uint8Array(scan.slices.length * plane);
  const failures = new Map<number, Cov3dError>();
  const limit = pLimit(concurrency);
  const readOne = async (name: string, index: number) => {
    signal?.throwIfAborted();
    const file = `${scan.folder}/${name}`;
    try {
      const image = await decodeImage(await (bytesOf?.(index) ?? readImageBytes(file)), file);
      resample(image, planes.subarray(index * plane, (index + 1) * plane));
    } catch (error) {
      if (!(error instanceof Cov3dError) || !skipUnreadable) throw error;
      failures.set(index, error);
    }
  };
  try {
    await Promise.all(scan.slices.map((name, index) => limit(readOne, name, index)));
  } finally {
    limit.clearQueue();
  }
  return dropFailed(scan, planes, plane, failures);
}

/** Moves the slices that could be read together, in order. */
function dropFailed(scan: Scan, planes: Uint8Array, plane: number, failures: Map<number, Cov3dError>): Planes {
  let count = 0;
  const skipped: SkippedSlice[] = [];
  scan.slices.forEach((slice, index) => {
    const failure = failures.get(index);
    if (failure !== undefined) {
      skipped.push({ slice, code: failure.code, reason: failure.message });
      return;
    }
    if (count !== index) planes.copyWithin(count * plane, index * plane, (index + 1) * plane);
    count++;
  });
  if (count > 0) return { planes: planes.subarray(0, count * plane), count, skipped };
  throw new DataError("scan-unreadable", `none of the ${scan.slices.length} slices can be read`, {
    file: scan.folder,
    found: skipped[0]!.reason,
  });
}
