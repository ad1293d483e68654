/** A saliency map as one value for every voxel of the scan that it explains: what viewers lay over the slices. */
import { join } from "node:path";
import { readImage } from "../../data/image.ts";
import { ConfigError } from "../../errors.ts";
import type { ScanSaliency } from "./explained.ts";
import { gridPlaces, mapSlice } from "./grid_map.ts";
import type { SaliencyResult } from "./saliency.ts";

/**
 * f32 [slices, height, width] of the scan's own slices, in slice order: the map's positive part, 1 at its largest cell;
 * all 0 where the map has no positive value. Slices that were skipped have no place in it.
 * @param scan Which of the explained scans: its place in `saliency.scans` (default 0).
 * @throws ConfigError "saliency.scan" (no such scan), DataError (its first slice cannot be read)
 */
export async function scanOverlay(
  { scans, recipe }: Pick<SaliencyResult, "scans" | "recipe">,
  scan = 0,
): Promise<Float32Array<ArrayBuffer>> {
  const explained: ScanSaliency | undefined = scans[scan];
  if (explained === undefined) {
    throw new ConfigError("saliency.scan", "there is no such scan in the result", {
      expected: scans.length === 0 ? "a result with scans" : `0 … ${scans.length - 1}`,
      found: `${scan}`,
    });
  }
  const { slices, map, crop } = explained;
  const { height, width } = await readImage(join(explained.scan.folder, slices[0]!));
  const places = gridPlaces(map, [slices.length, height, width], recipe, crop);
  const largest = map.values.reduce((top, value) => Math.max(top, value), 0), scale = largest > 0 ? 1 / largest : 0;
  const overlay = new Float32Array(slices.length * height * width);
  slices.forEach((_, slice) => overlay.set(mapSlice(map, places, slice), slice * height * width));
  for (let i = 0; i < overlay.length; i++) overlay[i] = Math.max(0, overlay[i]!) * scale;
  return overlay;
}
