/**
 * Batches of volumes, read and put together ahead of the computation in a Worker of their own (`loader_worker.ts`). The
 * thread that computes only takes finished buffers; what it waits for is measured.
 */
import type { BatchItem } from "./epoch_plan.ts";
import type { Scan, VolumeSize } from "./types.ts";

/** One batch of a sequence that is still to be read. */
export interface PlannedBatch {
  /** Position within its epoch. */
  readonly index: number;
  readonly scans: readonly Scan[];
  /** Their `scan` indexes `scans`. */
  readonly items: readonly BatchItem[];
}

/** The batches of one plan from position `start` on. */
export function* plannedBatches(
  scans: readonly Scan[],
  plan: readonly (readonly BatchItem[])[],
  start = 0,
): Generator<PlannedBatch, void, void> {
  for (let index = start; index < plan.length; index++) yield { index, scans, items: plan[index]! };
}

/** Where batches come from: the loader's Worker, or anything else in tests. */
export interface BatchSource {
  /** float32 [N, D, H, W]: the items augmented and blended, in a buffer that is the caller's. Answers in the order asked. */
  read(batch: PlannedBatch): Promise<Float32Array>;
  /** Milliseconds of the caller's thread that receiving took since the last call. */
  takeOwnMs?(): number;
  close(): void;
}

export interface LoaderOptions {
  readonly source: BatchSource;
  readonly size: VolumeSize;
  /** Batches read ahead of the one being computed (default 3). */
  readonly prefetch?: number;
}

/** A batch ready for upload. */
export interface Batch {
  /** Position within the epoch. */
  readonly index: number;
  readonly items: readonly BatchItem[];
  /** float32 [N, D, H, W, 1]. */
  readonly voxels: Float32Array;
  readonly shape: [number, number, number, number, number];
}

export type Batches = AsyncGenerator<Batch, void, void>;

export class Loader {
  readonly #source: BatchSource;
  readonly #size: VolumeSize;
  readonly #prefetch: number;
  #waitedMs = 0;

  constructor({ source, size, prefetch = 3 }: LoaderOptions) {
    this.#source = source;
    this.#size = size;
    this.#prefetch = prefetch;
  }

  /**
   * Seconds that the computing thread spent on data since the last call: asking, receiving, and above all waiting for
   * batches that were not ready.
   */
  takeStallSeconds(): number {
    const seconds = (this.#waitedMs + (this.#source.takeOwnMs?.() ?? 0)) / 1000;
    this.#waitedMs = 0;
    return seconds;
  }

  /**
   * Yields the batches of a sequence; reading runs at most `prefetch` batches ahead. A sequence may go over any number
   * of epochs: it is taken from only as far as reading goes, and what follows an epoch's end is read ahead as well.
   */
  async *batches(sequence: Iterable<PlannedBatch>): Batches {
    const planned = sequence[Symbol.iterator](), pending: Promise<Batch>[] = [];
    const readAhead = () => {
      while (pending.length <= this.#prefetch) {
        const { value, done } = planned.next();
        if (done) return;
        pending.push(this.#load(value));
      }
    };
    try {
      for (;;) {
        const asked = performance.now();
        readAhead();
        const next = pending.shift();
        if (next === undefined) return;
        const batch = await next;
        this.#waitedMs += performance.now() - asked;
        yield batch;
      }
    } finally {
      await Promise.allSettled(pending);
    }
  }

  /** Reads batches that nobody gets, so that the source's code and memory are warm when the first one is asked for. */
  warmUp(sequence: Iterable<PlannedBatch>): void {
    for (const batch of sequence) this.#source.read(batch).catch(() => {}); // reported when a batch of it is asked for
  }

  close(): void {
    this.#source.close();
  }

  #load(batch: PlannedBatch): Promise<Batch> {
    const { depth, height, width } = this.#size, { index, items } = batch;
    const shape: Batch["shape"] = [items.length, depth, height, width, 1];
    const loaded = this.#source.read(batch).then((voxels): Batch => ({ index, items, voxels, shape }));
    loaded.catch(() => {}); // an error is reported when its turn comes, not while an earlier batch is computed
    return loaded;
  }
}
