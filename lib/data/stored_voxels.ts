/** Voxels in the number type of the cache, and the way to the float32 numbers that the network sees. */
import type { NpyData } from "./npy.ts";
import { toUint8 } from "./resample.ts";
import type { CacheDtype } from "./size.ts";

/** float16 and float32: grey / 255. uint8: grey 0 … 255. */
export type StoredVoxels = NpyData;

/** Voxels in units of grey / 255 as the cache stores them; exact for voxels that were rounded to `dtype` before. */
export function storedVoxels(voxels: Float32Array, dtype: CacheDtype): StoredVoxels {
  if (dtype === "float16") return new Float16Array(voxels);
  return dtype === "uint8" ? Uint8Array.from(voxels, toUint8) : voxels;
}

/** Writes them in units of grey / 255 into `target`, which is as long. */
export function unitVoxels<Target extends Float32Array>(stored: StoredVoxels, target: Target): Target {
  if (stored instanceof Float32Array) target.set(stored);
  // A plain loop converts float16 twice as fast as `set` does.
  else if (stored instanceof Float16Array) { for (let i = 0; i < target.length; i++) target[i] = stored[i]!; }
  else for (let i = 0; i < target.length; i++) target[i] = stored[i]! / 255;
  return target;
}
