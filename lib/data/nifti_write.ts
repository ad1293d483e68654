/**
 * NIfTI-1 files (.nii.gz) of volumes [D, H, W], for viewers such as ITK-SNAP and 3D Slicer. Planes are written one
 * after the other, so that a scan-sized volume is never held.
 *
 * Orientation: a folder of slice images does not say it, so the usual one of axial CT pictures is assumed and written
 * into the header: columns run to the patient's left, rows to the back, slices from the head down (NIfTI's axes point
 * right, front and up: all three are negative). Without a spacing a voxel is 1 × 1 × 1 of unknown unit.
 *
 * Format: NIfTI-1 data format, nifti1.h (R. W. Cox et al., 2007).
 */
import { basename, dirname, join } from "node:path";
import { Cov3dError } from "../errors.ts";
import { syncFolder } from "../files.ts";

const headerBytes = 348;
/** Header and the four bytes that say "no extensions". */
const dataOffset = 352;
const largestSide = 32_767;

export interface NiftiHeader {
  readonly shape: readonly [depth: number, height: number, width: number];
  readonly spacingMm?: readonly [depth: number, height: number, width: number] | undefined;
  /** "uint8" voxels stand for value = slope · voxel. */
  readonly dtype: "uint8" | "float32";
  /** Default 1. */
  readonly slope?: number;
  /** Values that a viewer shows as darkest and brightest; not written when left out. */
  readonly window?: readonly [low: number, high: number];
  /** At most 79 characters of ASCII. */
  readonly description?: string;
}

/** The 352 bytes before the voxels. @throws RangeError for sides that the format cannot hold */
export function encodeNiftiHeader(header: NiftiHeader): Uint8Array<ArrayBuffer> {
  const { shape: [depth, height, width], spacingMm, dtype, slope = 1, window = [0, 0], description = "" } = header;
  for (const side of header.shape) {
    if (!(Number.isInteger(side) && side >= 1 && side <= largestSide)) throw new RangeError(`NIfTI: a side of ${side}`);
  }
  const bytes = new Uint8Array(dataOffset), view = new DataView(bytes.buffer);
  const int16 = (at: number, values: readonly number[]) => values.forEach((v, i) => view.setInt16(at + 2 * i, v, true));
  const float32 = (at: number, values: readonly number[]) =>
    values.forEach((v, i) => view.setFloat32(at + 4 * i, v, true));
  const [dz, dy, dx] = spacingMm ?? [1, 1, 1];
  view.setInt32(0, headerBytes, true);
  bytes[38] = "r".charCodeAt(0); // regular; ANALYZE readers look for it
  int16(40, [3, width, height, depth, 1, 1, 1, 1]);
  int16(70, dtype === "uint8" ? [2, 8] : [16, 32]); // datatype, bits per voxel
  float32(76, [-1, dx, dy, dz, 1, 1, 1, 1]); // −1: the third axis of the rotation below is reversed
  float32(108, [dataOffset, slope, 0]);
  bytes[123] = spacingMm === undefined ? 0 : 2; // unit: unknown, or mm
  float32(124, [window[1], window[0]]);
  bytes.set(new TextEncoder().encode(description).subarray(0, 79), 148);
  int16(252, [1, 1]); // both transforms are scanner coordinates
  float32(256, [0, 0, 1]); // half a turn about the third axis
  const origin = [dx * (width - 1) / 2, dy * (height - 1) / 2, dz * (depth - 1) / 2] as const; // centre at 0
  float32(268, origin);
  float32(280, [-dx, 0, 0, origin[0], 0, -dy, 0, origin[1], 0, 0, -dz, origin[2]]);
  bytes.set(new TextEncoder().encode("n+1\0"), 344);
  return bytes;
}

/**
 * Writes `file` (.nii.gz), whole or not at all; `planes` yields D planes of H·W voxels of the header's type.
 * @throws Cov3dError "write-file"; RangeError when the planes do not fit the header
 */
export async function writeNifti(
  file: string,
  header: NiftiHeader,
  planes: Iterable<Uint8Array | Float32Array> | AsyncIterable<Uint8Array | Float32Array>,
): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    const target = await Deno.open(temporary, { write: true, create: true, truncate: true });
    await ReadableStream.from(chunks(header, planes)).pipeThrough(new CompressionStream("gzip")).pipeTo(
      target.writable,
    );
    await Deno.rename(temporary, file);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    if (cause instanceof RangeError || cause instanceof Cov3dError) throw cause;
    throw new Cov3dError("write-file", "the file cannot be written", {
      file,
      found: cause instanceof Error ? cause.message.split(": ")[0]! : String(cause),
      cause,
    });
  }
  await syncFolder(dirname(file));
}

async function* chunks(
  header: NiftiHeader,
  planes: Iterable<Uint8Array | Float32Array> | AsyncIterable<Uint8Array | Float32Array>,
): AsyncGenerator<BufferSource, void, void> {
  yield encodeNiftiHeader(header);
  const [depth, height, width] = header.shape;
  let count = 0;
  for await (const plane of planes) {
    const isFloat = plane instanceof Float32Array;
    if (plane.length !== height * width || isFloat !== (header.dtype === "float32")) {
      throw new RangeError(`writeNifti: plane ${count} has ${plane.length} voxels, not ${height} × ${width}`);
    }
    yield new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength) as BufferSource;
    count++;
  }
  if (count !== depth) throw new RangeError(`writeNifti: ${count} planes for a depth of ${depth}`);
}
