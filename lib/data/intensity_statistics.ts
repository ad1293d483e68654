/** Mean, spread and percentiles of grey values that have been counted. */
import { ConfigError } from "../errors.ts";

export interface IntensityStatistics {
  readonly pixels: number;
  /** All in units of grey / 255, as the network sees them. */
  readonly mean: number;
  readonly standardDeviation: number;
  readonly percentile5: number;
  readonly median: number;
  readonly percentile95: number;
}

/**
 * Statistics of pixels whose number for each grey value 0 … 255 is in `counts`; several counts are taken together.
 * The standard deviation is of all pixels (divided by their number). A percentile is the smallest grey value that at
 * least that share of the pixels does not exceed.
 * @throws ConfigError "intensity.counts" when there are no pixels
 */
export function intensityStatistics(counts: readonly (readonly number[])[]): IntensityStatistics {
  const total = Array.from({ length: 256 }, (_, grey) => counts.reduce((sum, own) => sum + (own[grey] ?? 0), 0));
  const pixels = sumOf(total, () => 1);
  if (pixels === 0) throw new ConfigError("intensity.counts", "there are no pixels to describe");
  const mean = sumOf(total, (grey) => grey) / pixels;
  const variance = sumOf(total, (grey) => (grey - mean) ** 2) / pixels;
  const percentile = (share: number) => {
    let below = 0;
    return total.findIndex((count) => (below += count) >= share * pixels) / 255;
  };
  return {
    pixels,
    mean: mean / 255,
    standardDeviation: Math.sqrt(variance) / 255,
    percentile5: percentile(0.05),
    median: percentile(0.5),
    percentile95: percentile(0.95),
  };
}

function sumOf(counts: readonly number[], value: (grey: number) => number): number {
  return counts.reduce((sum, count, grey) => sum + count * value(grey), 0);
}
