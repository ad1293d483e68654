/**
 * Fair sampling. The classes of this set were captured differently (slice count, spacing, grey window), so every scan
 * gives the same small number of slices, spread over the lung's extent, with its grey levels rescaled by its own
 * percentiles. What is left of the capture is measured by the baselines.
 */
import { join } from "node:path";
import { DataError } from "../../../lib/errors.ts";
import type { GreyImage } from "../../../lib/data/bicubic.ts";
import { readImage } from "../../../lib/data/image.ts";
import type { FoldScan } from "./scans.ts";

/** Slices taken from each scan: fewer than the smallest scan has (10), so that none has to be repeated. */
export const slicesPerScan = 8;
/** A slice belongs to the lung's extent when it shows at least this share of the lung that a full slice shows. */
const extentShare = 0.5;
/** Percentiles of a scan's grey levels that become black and white. */
const [blackPercentile, whitePercentile] = [0.01, 0.99];

export async function readSlices(scan: FoldScan): Promise<GreyImage[]> {
  const images: GreyImage[] = [];
  for (const slice of scan.slices) images.push(await readImage(join(scan.folder, slice)));
  return images;
}

/** The sampled slices, apex to base, at their own size. */
export function sampleFairly(images: readonly GreyImage[], scan: FoldScan): GreyImage[] {
  const { first, last } = lungExtent(images);
  const positions = spread(first, last, slicesPerScan);
  if (new Set(positions).size < slicesPerScan) {
    throw new DataError("sars.short", "too few slices over the lung's extent", {
      file: scan.folder,
      expected: `at least ${slicesPerScan}`,
      found: String(last - first + 1),
    });
  }
  return rescale(positions.map((position) => images[position]!));
}

/** `count` whole positions from `first` to `last`, both included, as evenly as rounding allows. */
export function spread(first: number, last: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.round(first + (i * (last - first)) / (count - 1)));
}

/** First and last slice that show at least half of the lung of a full slice (the 90th percentile of the scan). */
export function lungExtent(images: readonly GreyImage[]): { first: number; last: number } {
  const threshold = otsuThreshold(histogramOf(images));
  const areas = images.map((image) => darkShare(image, threshold));
  const full = areas.toSorted((a, b) => a - b)[Math.floor(0.9 * (areas.length - 1))]!;
  const isLung = (area: number) => area >= extentShare * full;
  return { first: areas.findIndex(isLung), last: areas.findLastIndex(isLung) };
}

/** Share of dark pixels within the ellipse inscribed in the slice: the corners outside the chest are dark too. */
function darkShare({ pixels, width, height }: GreyImage, threshold: number): number {
  let dark = 0, inside = 0;
  for (let y = 0; y < height; y++) {
    const v = (2 * y + 1) / height - 1;
    for (let x = 0; x < width; x++) {
      const u = (2 * x + 1) / width - 1;
      if (u * u + v * v > 1) continue;
      inside++;
      if (pixels[y * width + x]! <= threshold) dark++;
    }
  }
  return dark / inside;
}

export function histogramOf(images: readonly GreyImage[]): Float64Array {
  const histogram = new Float64Array(256);
  for (const { pixels } of images) for (const pixel of pixels) histogram[pixel]! += 1;
  return histogram;
}

/** Grey level at which the share of pixels at or below it reaches `share`. */
export function percentile(histogram: Float64Array, share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  let below = 0;
  return histogram.findIndex((count) => (below += count) >= share * total);
}

/** Otsu 1979: the threshold that separates two groups of grey levels best; levels ≤ it are dark. */
export function otsuThreshold(histogram: Float64Array): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const mean = histogram.reduce((sum, count, level) => sum + count * level, 0) / total;
  let below = 0, sumBelow = 0, best = 0, bestVariance = -1;
  for (let level = 0; level < 255; level++) {
    below += histogram[level]! / total;
    sumBelow += (histogram[level]! * level) / total;
    if (below === 0 || below >= 1) continue;
    const variance = (mean * below - sumBelow) ** 2 / (below * (1 - below));
    if (variance > bestVariance) [best, bestVariance] = [level, variance];
  }
  return best;
}

/** One linear map for the whole scan: its 1st percentile becomes 0, its 99th 255. */
function rescale(images: readonly GreyImage[]): GreyImage[] {
  const histogram = histogramOf(images);
  const black = percentile(histogram, blackPercentile), white = percentile(histogram, whitePercentile);
  const scale = 255 / Math.max(1, white - black);
  const map = Uint8Array.from(
    { length: 256 },
    (_, level) => Math.max(0, Math.min(255, Math.round((level - black) * scale))),
  );
  return images.map(({ pixels, width, height }) => ({ pixels: pixels.map((pixel) => map[pixel]!), width, height }));
}
