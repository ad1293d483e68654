/**
 * Reads scans in a Worker of its own: slices are decoded and resampled while the engine starts, and while it computes,
 * which keeps its own thread busy.
 */
import type { LoadedVolume } from "../data/read.ts";
import type { Recipe } from "../data/size.ts";
import type { Scan } from "../data/types.ts";
import { startService } from "../worker_service.ts";

export interface ScanReading {
  readonly recipe: Recipe;
  readonly skipUnreadable: boolean;
  /** Read and fill this cache (undefined = the user's); null = read the slices and store nothing. */
  readonly cacheDirectory?: string | null;
}

export interface ScanReader {
  /** Scans are read one at a time, in the order asked. @throws those of `loadScan` or of the cache */
  read(scan: Scan): Promise<LoadedVolume>;
  close(): void;
}

export function openScanReader({ recipe, skipUnreadable, cacheDirectory }: ScanReading): ScanReader {
  const options: ScanReading = {
    recipe,
    skipUnreadable,
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
  };
  const url = new URL("./scan_reader_worker.ts", import.meta.url);
  const service = startService<ScanReading, Scan, LoadedVolume>(url, options);
  return { read: (scan) => service.ask(scan), close: () => service.close() };
}
