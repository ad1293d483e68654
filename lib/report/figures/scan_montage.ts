/** The slices of one scan as they lie on disk, evenly spaced. */
import { join } from "node:path";
import { resizeBicubic } from "../../data/bicubic.ts";
import { readImage } from "../../data/image.ts";
import type { Scan } from "../../data/types.ts";
import type { Figure } from "../figure.ts";
import { evenly, volumeMontage } from "./volume_montage.ts";

export interface ScanMontageOptions {
  readonly scan: Scan;
  /** Default 12, or as many as there are. */
  readonly slices?: number;
  readonly columns?: number;
  readonly name?: string;
}

/** Slices of another size than the first are brought to it, as preprocessing does. @throws DataError when one cannot be read */
export async function scanMontage({ scan, slices = 12, columns, name = "scan" }: ScanMontageOptions): Promise<Figure> {
  const chosen = evenly(scan.slices.length, slices);
  const images = await Promise.all(chosen.map((slice) => readImage(join(scan.folder, scan.slices[slice]!))));
  const { width, height } = images[0]!;
  const isOdd = images.some((image) => image.width !== width || image.height !== height);
  const voxels = new Uint8Array(images.length * height * width);
  images.forEach((image, i) => voxels.set(resizeBicubic(image, width, height).pixels, i * height * width));
  return await volumeMontage({
    volume: { voxels, shape: [images.length, height, width], intensity: "uint8", source: scan.folder },
    slices: chosen.length,
    ...(columns === undefined ? {} : { columns }),
    label: (slice) => scan.slices[chosen[slice]!]!,
    title: `${scan.key}, ${chosen.length} of ${scan.slices.length} slices${isOdd ? ", brought to one size" : ""}`,
    name,
  });
}
