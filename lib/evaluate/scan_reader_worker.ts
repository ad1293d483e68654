/** The Worker behind `openScanReader`. */
import { openCache } from "../data/cache.ts";
import { type LoadedVolume, loadScan } from "../data/read.ts";
import type { Scan } from "../data/types.ts";
import { serveRequests } from "../worker_service.ts";
import type { ScanReading } from "./scan_reader.ts";

serveRequests<ScanReading, Scan, LoadedVolume>(async ({ recipe, skipUnreadable, cacheDirectory: directory }) => {
  const cache = directory === null
    ? undefined
    : await openCache({ recipe, skipUnreadable, ...(directory === undefined ? {} : { directory }) });
  return async (scan) => {
    const volume = await (cache?.get(scan) ?? loadScan(scan, recipe, { skipUnreadable }));
    return { answer: volume, transfer: [volume.voxels.buffer] };
  };
});
