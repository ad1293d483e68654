/** The slices of one scan as they lie on disk, evenly spaced. */
import { join } from "node:path";
import { readImage } from "../../data/image.ts";
import type { Scan } from "../../data/types.ts";
import { DataError } from "../../errors.ts";
import type { Figure } from "../figure.ts";
import { evenly, volumeMontage } from "./volume_montage.ts";

export interface ScanMontageOptions {
  readonly scan: Scan;
  /** Default 12, or as many as there are. */
  readonly slices?: number;
  readonly columns?: number;
  readonly name?: string;
}

/** @throws DataError when a slice cannot be read, or the chosen ones differ in size */
export async function scanMontage({ scan, slices = 12, columns, name = "scan" }: ScanMontageOptions): Promise<Figure> {
  const chosen = evenly(scan.slices.length, slices);
  const images = await Promise.all(chosen.map((slice) => readImage(join(scan.folder, scan.slices[slice]!))));
  const { width, height } = images[0]!;
  const odd = images.find((image) => image.width !== width || image.height !== height);
  if (odd !== undefined) {
    throw new DataError("slice-size", "the slices of this scan differ in size", {
      file: scan.folder,
      expected: `${width}×${height}`,
      found: `${odd.width}×${odd.height}`,
    });
  }
  const voxels = new Uint8Array(images.length * height * width);
  images.forEach((image, i) => voxels.set(image.pixels, i * height * width));
  return await volumeMontage({
    volume: { voxels, shape: [images.length, height, width], intensity: "uint8", source: scan.folder },
    slices: chosen.length,
    ...(columns === undefined ? {} : { columns }),
    label: (slice) => scan.slices[chosen[slice]!]!,
    title: `${scan.key}, ${chosen.length} of ${scan.slices.length} slices`,
    name,
  });
}
