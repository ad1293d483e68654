/** Lung and lesion masks that lie beside the scans of a phantom: masks/<split>/<class>/<scan>-<kind>.npy. */
import { join } from "node:path";
import { DataError } from "../errors.ts";
import { fileExists } from "../files.ts";
import { masksFolder } from "./layout.ts";
import { decodeNpy } from "./npy.ts";
import type { Scan } from "./types.ts";

export interface Mask {
  /** [slices, height, width] */
  readonly shape: readonly [slices: number, height: number, width: number];
  /** Of one slice, row by row; 0 = outside. */
  plane(slice: number): Uint8Array;
}

/** The mask of a scan of the dataset at `root`; undefined where there is none. @throws DataError "mask-shape", "npy-…" */
export async function readMask(root: string, scan: Scan, kind: "lung" | "lesion"): Promise<Mask | undefined> {
  const file = join(root, masksFolder, `${scan.key}-${kind}.npy`);
  if (!(await fileExists(file))) return undefined;
  const { shape, data } = decodeNpy(await Deno.readFile(file), file);
  const [slices, height, width] = shape;
  if (shape.length !== 3 || !(data instanceof Uint8Array) || slices !== scan.slices.length) {
    throw new DataError("mask-shape", "the mask is not one of this scan", {
      file,
      expected: `uint8 [${scan.slices.length}, height, width]`,
      found: `[${shape.join(", ")}]`,
    });
  }
  return {
    shape: [slices, height!, width!],
    plane: (slice) => data.subarray(slice * height! * width!, (slice + 1) * height! * width!),
  };
}
