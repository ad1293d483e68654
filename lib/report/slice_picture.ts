/** Pictures of slices for montages, with the outline of lesions where a mask lies beside the scans. */
import { join } from "node:path";
import sharp from "sharp";
import { decodeNpy } from "../data/npy.ts";
import type { Scan } from "../data/types.ts";
import { DataError } from "../errors.ts";
import { fileExists } from "../files.ts";
import type { SlicePicture } from "./figures/montage.ts";

export interface SlicePictureOptions {
  readonly scan: Scan;
  /** Root of the dataset: `masks/<key>-lesion.npy` (uint8 [D, H, W]) is looked for below it. */
  readonly root?: string;
  /** Longest side of the picture in pixels (default 360). */
  readonly side?: number;
}

/** The slice with the most lesion where there is a mask, else the middle one. */
export async function slicePicture({ scan, root, side = 360 }: SlicePictureOptions): Promise<SlicePicture> {
  const mask = root === undefined ? undefined : await lesionMask(root, scan);
  const slice = mask?.largest ?? Math.floor(scan.slices.length / 2);
  const file = join(scan.folder, scan.slices[slice] ?? "");
  try {
    const { width, height } = await sharp(file).metadata();
    const jpeg = await sharp(file).greyscale()
      .resize({ width: side, height: side, fit: "inside", kernel: "cubic" })
      .jpeg({ quality: 88 })
      .toBuffer();
    const outline = mask === undefined ? "" : maskOutline(mask.plane(slice), mask.width);
    return {
      image: `data:image/jpeg;base64,${jpeg.toString("base64")}`,
      width,
      height,
      slice,
      ...(outline === "" ? {} : { outline }),
    };
  } catch (cause) {
    throw new DataError("slice-unreadable", "the slice cannot be drawn", { file, cause });
  }
}

interface LesionMask {
  readonly width: number;
  /** Index of the slice with the most lesion voxels; undefined when there is none. */
  readonly largest: number | undefined;
  plane(slice: number): ArrayLike<number>;
}

async function lesionMask(root: string, scan: Scan): Promise<LesionMask | undefined> {
  const file = join(root, "masks", `${scan.key}-lesion.npy`);
  if (!(await fileExists(file))) return undefined;
  const { shape, data } = decodeNpy(await Deno.readFile(file), file);
  const [depth = 0, height = 0, width = 0] = shape;
  const plane = (slice: number) => data.subarray(slice * height * width, (slice + 1) * height * width);
  let largest: number | undefined, most = 0;
  for (let slice = 0; slice < depth; slice++) {
    let voxels = 0;
    for (const value of plane(slice)) if (value !== 0) voxels++;
    if (voxels > most) [largest, most] = [slice, voxels];
  }
  return { width, largest, plane };
}

/** SVG path along the edges between pixels inside and outside of a mask; "" for an empty one. */
export function maskOutline(mask: ArrayLike<number>, width: number): string {
  const height = mask.length / width;
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  const edges: string[] = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (inside(x, y) !== inside(x, y - 1)) edges.push(`M${x} ${y}h1`);
      if (inside(x, y) !== inside(x - 1, y)) edges.push(`M${x} ${y}v1`);
    }
  }
  return edges.join("");
}
