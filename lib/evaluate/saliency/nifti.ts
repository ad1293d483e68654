/** A scan and its map as two NIfTI files that a viewer lays over each other. */
import { join } from "node:path";
import { readImage } from "../../data/image.ts";
import { writeNifti } from "../../data/nifti_write.ts";
import type { Recipe } from "../../data/size.ts";
import { DataError } from "../../errors.ts";
import type { ScanSaliency } from "./explained.ts";
import { gridPlaces, mapSlice } from "./grid_map.ts";

export interface SaliencyNiftiOptions {
  readonly item: ScanSaliency;
  readonly recipe: Recipe;
  readonly directory: string;
  /** File names begin with it. */
  readonly name: string;
  readonly spacingMm?: readonly [depth: number, height: number, width: number] | undefined;
}

/**
 * `<name>-scan.nii.gz` (uint8, grey levels) and `<name>-map.nii.gz` (uint8 in steps of a 255th of the largest value;
 * negative values, which only occlusion has, become 0). Orientation: see nifti_write.ts.
 * @throws DataError "slices-differ" when the slices have different sizes
 */
export async function writeSaliencyNifti(
  { item, recipe, directory, name, spacingMm }: SaliencyNiftiOptions,
): Promise<{ readonly scan: string; readonly map: string }> {
  const { scan, slices, map, crop } = item;
  const files = { scan: join(directory, `${name}-scan.nii.gz`), map: join(directory, `${name}-map.nii.gz`) };
  const { width, height } = await readImage(join(scan.folder, slices[0]!));
  const shape = [slices.length, height, width] as const;
  const planes = async function* () {
    for (const slice of slices) {
      const file = join(scan.folder, slice), image = await readImage(file);
      if (image.width !== width || image.height !== height) {
        throw new DataError("slices-differ", "the slices of this scan have different sizes", {
          file,
          expected: `${width}×${height}`,
          found: `${image.width}×${image.height}`,
        });
      }
      yield image.pixels;
    }
  };
  await writeNifti(files.scan, { shape, spacingMm, dtype: "uint8", window: [0, 255], description: "scan" }, planes());
  const largest = map.values.reduce((top, value) => Math.max(top, value), 0), slope = largest > 0 ? largest / 255 : 1;
  const places = gridPlaces(map, shape, recipe, crop);
  const heat = slices.keys().map((slice) =>
    Uint8Array.from(mapSlice(map, places, slice), (value) => Math.max(0, Math.round(value / slope)))
  );
  const header = { shape, spacingMm, dtype: "uint8", slope, window: [0, largest], description: "saliency" } as const;
  await writeNifti(files.map, header, heat);
  return files;
}
