/** How a workgroup divides a matrix product: the tile of the result that it makes and the part of it in each thread. */

export interface Tile {
  /** Rows and columns of the result that one workgroup makes. */
  readonly rows: number;
  readonly columns: number;
  /** Terms of each sum that are in workgroup memory at a time: a multiple of 8. */
  readonly depth: number;
  /** Rows and columns in the registers of one thread: multiples of 4. */
  readonly rowBlock: number;
  readonly columnBlock: number;
}

export const threadsOf = ({ rows, columns, rowBlock, columnBlock }: Tile): number =>
  (rows / rowBlock) * (columns / columnBlock);

/** Bytes of workgroup memory: two stages of both factors, the left one with a column of padding against bank conflicts. */
export const workgroupBytes = ({ rows, columns, depth }: Tile): number =>
  2 * 4 * (rows * (depth + 4) + depth * columns) + 2 * 16 * depth;

/** Name in the store of timings, e.g. "128x64x16/8x8". */
export const tileName = ({ rows, columns, depth, rowBlock, columnBlock }: Tile): string =>
  `${rows}x${columns}x${depth}/${rowBlock}x${columnBlock}`;

const tile = (rows: number, columns: number, depth: number, rowBlock: number, columnBlock: number): Tile => ({
  rows,
  columns,
  depth,
  rowBlock,
  columnBlock,
});

/** What is tried: for products of many columns first, of few columns, of few rows. */
export const tiles: readonly Tile[] = [
  tile(64, 64, 8, 8, 8),
  tile(64, 64, 16, 8, 8),
  tile(64, 64, 8, 4, 8),
  tile(64, 64, 16, 4, 4),
  tile(128, 64, 8, 8, 8),
  tile(128, 64, 16, 8, 8),
  tile(128, 128, 8, 8, 8),
  tile(64, 32, 16, 4, 8),
  tile(128, 32, 16, 8, 4),
  tile(128, 16, 16, 8, 4),
  tile(64, 16, 16, 4, 4),
  tile(16, 64, 16, 4, 4),
];

export const tileNamed = (name: string): Tile | undefined => tiles.find((candidate) => tileName(candidate) === name);

/** A fair choice without a measurement, which every WebGPU device can run: 256 threads, 16 KiB of workgroup memory. */
export function defaultTile(rows: number, columns: number): Tile {
  if (rows <= 16 && columns > 16) return tile(16, 64, 16, 4, 4);
  if (columns <= 16) return tile(64, 16, 16, 4, 4);
  return columns <= 32 ? tile(64, 32, 16, 4, 8) : tile(64, 64, 8, 8, 8);
}

/** The tiles that a device can run and that are not mostly empty. */
export function tilesFor(
  rows: number,
  columns: number,
  limits: Pick<GPUSupportedLimits, "maxComputeWorkgroupStorageSize" | "maxComputeInvocationsPerWorkgroup">,
): Tile[] {
  const useful = (length: number, wanted: number, least: number) => length <= least || length < 2 * wanted;
  return tiles.filter((candidate) =>
    useful(candidate.rows, rows, 64) && useful(candidate.columns, columns, 16) &&
    workgroupBytes(candidate) <= limits.maxComputeWorkgroupStorageSize &&
    threadsOf(candidate) <= limits.maxComputeInvocationsPerWorkgroup
  );
}
