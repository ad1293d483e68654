/**
 * What can be told from how a scan was captured, without looking at the lung: number and size of slices, file sizes,
 * spacing, grey levels. A network that does no better than these has learnt nothing about disease that this set can show.
 */
import { join } from "node:path";
import { type GreyImage, resizeBicubic } from "../../../lib/data/bicubic.ts";
import { histogramOf, percentile } from "./sampling.ts";
import type { FoldScan } from "./scans.ts";

export type Features = Readonly<Record<string, number>>;

/** Of the scan as it was captured. */
export function captureFeatures(scan: FoldScan, images: readonly GreyImage[]): Features {
  const bytes = scan.slices.map((slice) => Deno.statSync(join(scan.folder, slice)).size);
  const pixels = images.map(({ width, height }) => width * height);
  return {
    logSliceCount: Math.log(images.length),
    ...moments("width", images.map(({ width }) => width)),
    ...moments("height", images.map(({ height }) => height)),
    ...moments("aspect", images.map(({ width, height }) => width / height)),
    ...moments("bitsPerPixel", bytes.map((count, i) => (8 * count) / pixels[i]!)),
    neighbourDifference: neighbourDifference(images),
    ...greyFeatures(images),
  };
}

/** Mean, deviation and percentiles of the grey levels: also of the sampled volumes, where little should be left. */
export function greyFeatures(images: readonly GreyImage[]): Features {
  const histogram = histogramOf(images);
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const mean = histogram.reduce((sum, count, level) => sum + count * level, 0) / total;
  const variance = histogram.reduce((sum, count, level) => sum + count * (level - mean) ** 2, 0) / total;
  const shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
  return {
    greyMean: mean,
    greyDeviation: Math.sqrt(variance),
    ...Object.fromEntries(shares.map((share) => [`grey${100 * share}`, percentile(histogram, share)])),
  };
}

/** Mean absolute difference of neighbouring slices at 32×32: a stand-in for the slice spacing, which is not recorded. */
export function neighbourDifference(images: readonly GreyImage[]): number {
  const small = images.map((image) => resizeBicubic(image, 32, 32).pixels);
  let sum = 0;
  for (let k = 1; k < small.length; k++) {
    small[k]!.forEach((pixel, i) => sum += Math.abs(pixel - small[k - 1]![i]!));
  }
  return sum / Math.max(1, (small.length - 1) * 32 * 32);
}

function moments(name: string, values: readonly number[]): Features {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { [`${name}Mean`]: mean, [`${name}Deviation`]: Math.sqrt(variance) };
}
