/** Distribution of the number of slices (figure 1 of the paper). */
export interface DepthStatistics {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Share of scans with fewer than 160 and fewer than 500 slices; the paper: more than 0.58 and almost 0.99. */
  readonly below160: number;
  readonly below500: number;
  /** Scans with `from` ≤ slices < `to`. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly scans: number }[];
}

/** Bins get wider where the data reach further: about 25 of them, with edges at round numbers. */
export function depthStatistics(depths: readonly number[]): DepthStatistics {
  const sorted = [...depths].sort((a, b) => a - b), max = sorted.at(-1) ?? 0;
  const half = sorted.length / 2;
  const median = sorted.length === 0 ? 0 : (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
  const share = (limit: number) => sorted.filter((depth) => depth < limit).length / Math.max(1, sorted.length);
  const width = [1, 2, 5, 10, 20, 25, 50, 100].find((candidate) => max / candidate < 25) ?? 200;
  const histogram = Array.from({ length: Math.floor(max / width) + 1 }, (_, bin) => {
    const from = bin * width, to = from + width;
    return { from, to, scans: sorted.filter((depth) => depth >= from && depth < to).length };
  });
  return { min: sorted[0] ?? 0, median, max, below160: share(160), below500: share(500), histogram };
}
