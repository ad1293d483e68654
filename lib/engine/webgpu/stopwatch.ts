/** Times of single programs by the device's own clock: each in a pass of its own, between two timestamps. */
import type { Backend } from "./backend.ts";

export interface Timing {
  readonly label: string;
  readonly seconds: number;
}

/** Programs that one stopwatch can time: two timestamps each, of at most 4096 in a query set. */
const most = 2048;

/** What the backend keeps while its own programs are timed. */
interface BackendTimers {
  activeTimers: { name: string; query: Promise<number> }[] | undefined;
}

export class Stopwatch {
  private readonly entries: { readonly label: string; readonly seconds?: Promise<number> }[] = [];
  private readonly queries: GPUQuerySet;
  private readonly results: GPUBuffer;
  private timed = 0;

  constructor(private readonly backend: Backend) {
    this.queries = backend.device.createQuerySet({ type: "timestamp", count: 2 * most });
    this.results = backend.device.createBuffer({ size: 16 * most, usage: 0x200 | 0x04 }); // QUERY_RESOLVE | COPY_SRC
  }

  /** Runs `body` while the backend times its programs and asks this for the passes of ours. */
  record(body: () => void): void {
    const timers = this.backend as unknown as BackendTimers, { entries } = this;
    timers.activeTimers = {
      push: ({ name, query }: { name: string; query: Promise<number> }) =>
        entries.push({ label: name, seconds: query.then((milliseconds) => milliseconds / 1000) }),
    } as unknown as NonNullable<BackendTimers["activeTimers"]>;
    try {
      body();
    } finally {
      timers.activeTimers = undefined;
    }
  }

  /** A pass for one program; the next program ends it. */
  pass(label: string): GPUComputePassEncoder {
    const { backend, queries } = this, index = 2 * this.timed++;
    if (this.timed > most) throw new RangeError(`more than ${most} programs are timed at once`);
    this.entries.push({ label });
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    const timestampWrites = {
      querySet: queries,
      beginningOfPassWriteIndex: index,
      endOfPassWriteIndex: index + 1,
    };
    return backend.computePassEncoder = backend.commandEncoder!.beginComputePass({ timestampWrites });
  }

  /** Call once, after all was submitted; frees the queries. */
  async read(): Promise<Timing[]> {
    const { backend: { device }, results, queries } = this, bytes = 16 * Math.max(1, this.timed);
    const host = device.createBuffer({ size: bytes, usage: 0x01 | 0x08 }); // MAP_READ | COPY_DST
    try {
      const encoder = device.createCommandEncoder();
      if (this.timed > 0) encoder.resolveQuerySet(queries, 0, 2 * this.timed, results, 0);
      encoder.copyBufferToBuffer(results, 0, host, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await host.mapAsync(0x01);
      const nanoseconds = new BigUint64Array(host.getMappedRange().slice(0));
      const timings: Timing[] = [];
      let index = 0;
      for (const { label, seconds } of this.entries) {
        const own = seconds ?? Number(nanoseconds[2 * index + 1]! - nanoseconds[2 * index++]!) / 1e9;
        timings.push({ label, seconds: await own });
      }
      return timings;
    } finally {
      for (const part of [host, results, queries]) part.destroy();
    }
  }
}
