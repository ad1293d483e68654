/** The training side of the loader's Worker: asks for batches of numbered scans, receives their buffers without a copy. */
import { startService } from "../worker_service.ts";
import type { BatchItem } from "./epoch_plan.ts";
import type { BatchSource, PlannedBatch } from "./loader.ts";
import type { BatchRequest, LoaderWorkerOptions } from "./loader_worker.ts";
import type { Scan } from "./types.ts";

/** Starts a Worker that reads volumes through the cache described by `options`. */
export function workerSource(options: LoaderWorkerOptions): BatchSource {
  const url = new URL("./loader_worker.ts", import.meta.url);
  const service = startService<LoaderWorkerOptions, BatchRequest, Float32Array>(url, options);
  const numbers = new Map<string, number>(); // of the scans that the Worker knows
  return {
    read: (batch) => service.ask(numbered(batch, numbers)),
    takeOwnMs: () => service.takeReceivingMs(),
    close: () => service.close(),
  };
}

/** The batch's items by the Worker's numbers, and the scans that get one now. */
function numbered({ scans, items }: PlannedBatch, numbers: Map<string, number>): BatchRequest {
  const added: Scan[] = [];
  const named = items.map((item): BatchItem => {
    const scan = scans[item.scan]!, known = numbers.get(scan.key);
    if (known !== undefined) return { ...item, scan: known };
    added.push(scan);
    numbers.set(scan.key, numbers.size);
    return { ...item, scan: numbers.size - 1 };
  });
  return { scans: added, items: named };
}
