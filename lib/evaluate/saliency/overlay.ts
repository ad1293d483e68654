/** A saliency map with the voxels that it lies over, as the slice viewer takes them. */
import { join } from "node:path";
import sharp from "sharp";
import { loadScan } from "../../data/read.ts";
import type { Scan, Volume } from "../../data/types.ts";
import { ConfigError } from "../../errors.ts";
import { gridPlaces, mapSlice } from "./grid_map.ts";
import type { SaliencyResult } from "./saliency.ts";
import { scanOverlay } from "./scan_overlay.ts";

/** The scan, or its preprocessed volume, and the map as one value of 0 … 1 for each of its voxels. */
export type SaliencyOverlay =
  & { readonly overlay: Float32Array }
  & ({ readonly scan: Scan } | { readonly volume: Volume });

/**
 * The map of one explained scan over its own slices. Where these differ in size, or could not all be read, it lies over
 * the volume that the network saw. Either way 1 is the map's largest value and 0 all that is not positive.
 * @throws ConfigError "saliency.scan" (no such scan), DataError (the scan cannot be read)
 */
export async function saliencyOverlay(
  result: Pick<SaliencyResult, "scans" | "recipe">,
  index = 0,
): Promise<SaliencyOverlay> {
  const explained = result.scans[index];
  if (explained === undefined) {
    throw new ConfigError("saliency.scan", "there is no such scan in the result", {
      expected: `0 … ${result.scans.length - 1}`,
      found: `${index}`,
    });
  }
  const { scan, slices, map } = explained;
  if (slices.length === scan.slices.length && await haveOneSize(scan)) {
    return { scan, overlay: await scanOverlay(result, index) };
  }
  const volume = await loadScan(scan, result.recipe, { skipUnreadable: true });
  // The volume's voxels are the network's own: nothing is distorted or cropped between the two.
  const places = gridPlaces(map, volume.shape, { ...result.recipe, distortion: false });
  const largest = map.values.reduce((top, value) => Math.max(top, value), 0);
  const planes = Array.from({ length: volume.shape[0] }, (_, slice) => mapSlice(map, places, slice));
  const share = (value: number) => largest > 0 ? Math.max(0, value) / largest : 0;
  return { volume, overlay: Float32Array.from(planes.flatMap((plane) => Array.from(plane, share))) };
}

async function haveOneSize({ folder, slices }: Scan): Promise<boolean> {
  const sizes = await Promise.all(slices.map((slice) => sharp(join(folder, slice)).metadata()));
  return sizes.every(({ width, height }) => width === sizes[0]!.width && height === sizes[0]!.height);
}
