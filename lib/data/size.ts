/** What preprocessing makes of a scan: target size, stored number type, and the original program's distortion. */
import { ConfigError } from "../errors.ts";
import type { VolumeSize } from "./types.ts";

/** The three sizes of the paper (section 3.1): depth is half of the width. */
export const namedSizes = {
  small: { depth: 64, height: 128, width: 128 },
  medium: { depth: 128, height: 256, width: 256 },
  large: { depth: 160, height: 320, width: 320 },
} as const satisfies Record<string, VolumeSize>;

export const cacheDtypes = ["float16", "float32", "uint8"] as const;
/** "lung": cut out the bounding box of the lung first (see lung_crop/). */
export const crops = ["none", "lung"] as const;
export type Crop = (typeof crops)[number];
export type CacheDtype = (typeof cacheDtypes)[number];

/** Everything that decides the voxels of a preprocessed volume, given its source images. */
export interface Recipe {
  readonly size: VolumeSize;
  /** Number type of the stored volume. Voxels are rounded to it even when no cache is used, so both give the same. */
  readonly dtype: CacheDtype;
  /** The original program's cubic coordinate distortion (its 2022 default; not in the paper): see distortion.ts. */
  readonly distortion: boolean;
  /** "lung": the lung's bounding box, resized as the 2023 program did (section "v2 reader": see lung_crop/crop.ts). */
  readonly crop: Crop;
}

const largestSide = 4096;
/** 2 GiB as float32, 33 times the paper's large size: more is a slip of the pen. */
const mostVoxels = 2 ** 29;

/**
 * "small" | "medium" | "large" | "DxHxW" (any sides of 1…4096 voxels, at most 2²⁹ voxels).
 * @throws ConfigError "size-invalid"
 */
export function parseSize(text: string): VolumeSize {
  const named = (namedSizes as Record<string, VolumeSize>)[text.trim().toLowerCase()];
  if (named !== undefined) return named;
  const match = /^(\d{1,5})[x×](\d{1,5})[x×](\d{1,5})$/i.exec(text.trim());
  const [depth, height, width] = (match ?? []).slice(1).map(Number);
  if (depth === undefined || height === undefined || width === undefined) throw invalidSize(text);
  return checkSize({ depth, height, width });
}

/** "64x128x128". */
export function formatSize({ depth, height, width }: VolumeSize): string {
  return `${depth}x${height}x${width}`;
}

export interface RecipeOptions {
  readonly size: VolumeSize | string;
  /** Default "float16", as the original stores and loads. */
  readonly dtype?: CacheDtype;
  /** Default false, as in the paper. */
  readonly distortion?: boolean;
  /** Default "none". */
  readonly crop?: Crop;
}

/** A complete, checked recipe. @throws ConfigError "size-invalid" | "dtype-invalid" | "crop-invalid" */
export function recipeFor({ size, dtype = "float16", distortion = false, crop = "none" }: RecipeOptions): Recipe {
  if (!cacheDtypes.includes(dtype)) {
    throw new ConfigError("dtype-invalid", "unknown number type of the cache", {
      expected: cacheDtypes.join(", "),
      found: String(dtype),
    });
  }
  if (!crops.includes(crop)) {
    throw new ConfigError("crop-invalid", "unknown crop", { expected: crops.join(", "), found: String(crop) });
  }
  if (crop === "lung" && distortion) {
    throw new ConfigError("crop-invalid", "the lung crop has no distortion", {
      hint: "Leave one of them out: the original's distortion is of 2022, its lung crop of 2023",
    });
  }
  return { size: typeof size === "string" ? parseSize(size) : checkSize(size), dtype, distortion, crop };
}

/** "64x128x128-float16", with "-distorted" or "-lung" where that is so: used in folder names. */
export function formatRecipe({ size, dtype, distortion, crop }: Recipe): string {
  return `${formatSize(size)}-${dtype}${distortion ? "-distorted" : ""}${crop === "lung" ? "-lung" : ""}`;
}

function checkSize({ depth, height, width }: VolumeSize): VolumeSize {
  const fits = (side: number) => Number.isInteger(side) && side >= 1 && side <= largestSide;
  if (![depth, height, width].every(fits) || depth * height * width > mostVoxels) {
    throw invalidSize(formatSize({ depth, height, width }));
  }
  return { depth, height, width };
}

function invalidSize(found: string): ConfigError {
  return new ConfigError("size-invalid", "not a volume size", {
    expected: `small, medium, large or DEPTHxHEIGHTxWIDTH with sides of 1 to ${largestSide}, at most ${
      mostVoxels / 2 ** 20
    } Mi voxels`,
    found: JSON.stringify(found),
  });
}
