import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyAugmentation, noAugmentation, sampleAugmentation } from "../../lib/data/augment.ts";
import { BatchAssembly } from "../../lib/data/batch_assembly.ts";
import { planEpoch } from "../../lib/data/epoch_plan.ts";
import { type Batch, type BatchSource, Loader, type PlannedBatch, plannedBatches } from "../../lib/data/loader.ts";
import { openCache } from "../../lib/data/cache.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { workerSource } from "../../lib/data/loader_source.ts";
import { mixVoxels } from "../../lib/data/mixup.ts";
import { cacheDtypes, recipeFor } from "../../lib/data/size.ts";
import type { Scan } from "../../lib/data/types.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { oracle } from "../support/oracles.ts";
import { temporaryFolder, writeDataset } from "./support/datasets.ts";

const size = { depth: 2, height: 2, width: 3 };
const voxelsEach = 12;

function scansOf(count: number): Scan[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `ct_scan_${i}`,
    key: `train/covid/ct_scan_${i}`,
    split: "train",
    presence: true,
    severity: "undefined",
    folder: `/data/${i}`,
    slices: [],
    ignored: 0,
  }));
}

/** Volume i is filled with i + row position, so that batches and reflections can be recognised. */
class MemorySource implements BatchSource {
  reads: string[] = [];
  readonly #assembly: BatchAssembly;
  constructor(readonly delayMs = 0, readonly failing = -1, options: { keepBytes?: number; depth?: number } = {}) {
    const { depth = size.depth, ...keep } = options;
    this.#assembly = new BatchAssembly({ read: (scan) => this.#volume(scan), size: { ...size, depth }, ...keep });
  }
  read({ scans, items }: PlannedBatch): Promise<Float32Array> {
    return this.#assembly.assemble(items.map((item) => ({ ...item, scan: scans[item.scan]! })));
  }
  async #volume(scan: Scan): Promise<Float32Array> {
    this.reads.push(scan.key);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const number = Number(scan.folder.slice("/data/".length));
    if (number === this.failing) throw new DataError("image.broken", "broken", { file: scan.folder });
    return Float32Array.from({ length: voxelsEach }, (_, i) => number * 100 + i);
  }
  close() {}
}

/** A source whose batches become ready when the test says so. */
class ManualSource implements BatchSource {
  asked: number[] = [];
  #ready: (() => void)[] = [];
  read({ index, items }: PlannedBatch): Promise<Float32Array> {
    this.asked.push(index);
    return new Promise((resolve) => this.#ready.push(() => resolve(new Float32Array(items.length * voxelsEach))));
  }
  release(count: number) {
    for (const ready of this.#ready.splice(0, count)) ready();
  }
  close() {}
}

async function collect(batches: AsyncGenerator<Batch, void, void>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

describe("reflection", () => {
  test("oracle aug.flip: reverses the last axis", () => {
    const { inputs, expected } = oracle("aug.flip");
    const flipped = applyAugmentation(Float32Array.from(inputs.volume_CDHW.flat(3)), 2, { reflect: true });
    expect([...flipped]).toEqual(expected.flipped.flat(3));
  });

  test("twice is the identity, none is a copy, and the input is left alone", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 7 }), (rows, width) => {
      const volume = Float32Array.from({ length: rows * width }, (_, i) => i);
      const before = volume.slice();
      const once = applyAugmentation(volume, width, { reflect: true });
      expect(applyAugmentation(once, width, { reflect: true })).toEqual(before);
      expect(applyAugmentation(volume, width, noAugmentation)).toEqual(before);
      expect(volume).toEqual(before);
    }));
  });

  test("probability 0 never reflects, 1 always, 1/2 about half of the time", () => {
    const share = (reflection: number) => {
      const stream = randomStream(5, "test");
      return Array.from({ length: 4000 }, () => sampleAugmentation(stream, { reflection })).filter((a) => a.reflect)
        .length / 4000;
    };
    expect(share(0)).toBe(0);
    expect(share(1)).toBe(1);
    expect(share(0.5)).toBeGreaterThan(0.47);
    expect(share(0.5)).toBeLessThan(0.53);
  });
});

describe("planEpoch", () => {
  const training = { seed: 7, epoch: 0, reflection: 0.5 };

  test("training: every scan at most once, full batches only, another order each epoch and seed", () => {
    const scans = scansOf(11);
    const plan = planEpoch({ scans, batchSize: 4, training });
    expect(plan.map((batch) => batch.length)).toEqual([4, 4]);
    const seen = plan.flat().map((item) => item.scan);
    expect(new Set(seen).size).toBe(8);
    const order = (change: Partial<typeof training>) =>
      planEpoch({ scans, batchSize: 4, training: { ...training, ...change } }).flat().map((item) => item.scan);
    expect(order({})).toEqual(seen);
    expect(order({ epoch: 1 })).not.toEqual(seen);
    expect(order({ seed: 8 })).not.toEqual(seen);
  });

  test("a scan's reflection does not depend on the batch size, and differs between epochs", () => {
    const scans = scansOf(12);
    const reflections = (batchSize: number, epoch: number) =>
      new Map(
        planEpoch({ scans, batchSize, training: { ...training, epoch } }).flat()
          .map(({ scan, augmentation }) => [scan, augmentation.reflect]),
      );
    expect(reflections(2, 0)).toEqual(reflections(3, 0));
    expect(reflections(2, 0)).not.toEqual(reflections(2, 1));
  });

  test("evaluation: own order, nothing dropped, nothing augmented", () => {
    const plan = planEpoch({ scans: scansOf(5), batchSize: 2 });
    expect(plan.map((batch) => batch.map((item) => item.scan))).toEqual([[0, 1], [2, 3], [4]]);
    expect(plan.flat().every((item) => !item.augmentation.reflect)).toBe(true);
  });

  test("no scans, no batches", () => {
    expect(planEpoch({ scans: [], batchSize: 2, training })).toEqual([]);
    expect(planEpoch({ scans: scansOf(1), batchSize: 2, training })).toEqual([]);
  });
});

describe("Loader", () => {
  const scans = scansOf(9);
  const plan = planEpoch({ scans, batchSize: 2, training: { seed: 3, epoch: 4, reflection: 0.5 } });

  test("batches hold what the plan says, reflected where it says so", async () => {
    const loader = new Loader({ source: new MemorySource(), size });
    for (const { voxels, items, shape } of await collect(loader.batches(plannedBatches(scans, plan)))) {
      expect(shape).toEqual([2, 2, 2, 3, 1]);
      items.forEach(({ scan, augmentation }, i) => {
        const row = [...voxels.subarray(i * voxelsEach, i * voxelsEach + 3)];
        const expected = [scan * 100, scan * 100 + 1, scan * 100 + 2];
        expect(row).toEqual(augmentation.reflect ? expected.reverse() : expected);
      });
    }
  });

  test("starting at batch b gives what an uninterrupted epoch gives from b on", async () => {
    const from = (start: number) =>
      collect(new Loader({ source: new MemorySource(), size }).batches(plannedBatches(scans, plan, start)));
    const whole = await from(0);
    for (let start = 0; start <= plan.length; start++) expect(await from(start)).toEqual(whole.slice(start));
  });

  test("reads ahead, but no further than asked", async () => {
    const source = new MemorySource();
    const batches = new Loader({ source, size, prefetch: 1 }).batches(plannedBatches(scans, plan));
    await batches.next();
    await batches.return();
    expect(source.reads.length).toBe(4); // batch 0 and one ahead
  });

  test("reads ahead over the end of one plan into the next, and asks for nothing twice", async () => {
    const source = new ManualSource(), loader = new Loader({ source, size, prefetch: 2 });
    const two = function* () {
      yield* plannedBatches(scans, plan.slice(0, 2));
      yield* plannedBatches(scans, plan.slice(2));
    };
    const batches = loader.batches(two()), first = batches.next();
    await Promise.resolve();
    expect(source.asked).toEqual([0, 1, 0]);
    source.release(3);
    await first;
    const second = batches.next();
    await second;
    expect(source.asked).toEqual([0, 1, 0, 1]);
    source.release(1);
    expect((await collect(batches)).map(({ index }) => index)).toEqual([0, 1]);
    expect(source.asked).toEqual([0, 1, 0, 1]);
  });

  test("keeps volumes in memory up to the limit, and the kept ones stay as they were read", async () => {
    const source = new MemorySource(0, -1, { keepBytes: 4 * voxelsEach * 3 }), loader = new Loader({ source, size });
    const first = await collect(loader.batches(plannedBatches(scans, plan)));
    expect(source.reads.length).toBe(8);
    expect(await collect(loader.batches(plannedBatches(scans, plan)))).toEqual(first);
    expect(source.reads.length).toBe(8 + 5);
  });

  test("waiting for data is measured; data that is there is not waited for", async () => {
    const loader = new Loader({ source: new MemorySource(30), size, prefetch: 0 });
    await collect(loader.batches(plannedBatches(scans, plan)));
    expect(loader.takeStallSeconds()).toBeGreaterThan(0.1);
    expect(loader.takeStallSeconds()).toBe(0);
    await collect(loader.batches(plannedBatches(scans, plan))); // kept in memory now
    expect(loader.takeStallSeconds()).toBeLessThan(0.05);
  });

  test("time of the computing thread counts too: planning, and what the source says of itself", async () => {
    const source = Object.assign(new MemorySource(), { takeOwnMs: () => 500 }), loader = new Loader({ source, size });
    const slowly = function* () {
      const end = performance.now() + 60;
      while (performance.now() < end);
      yield* plannedBatches(scans, plan);
    };
    await collect(loader.batches(slowly()));
    const stall = loader.takeStallSeconds();
    expect(stall).toBeGreaterThan(0.55);
    expect(stall).toBeLessThan(0.7);
  });

  test("warming up reads what is asked for first; a fault shows when its batch comes", async () => {
    const source = new MemorySource(), loader = new Loader({ source, size });
    loader.warmUp(plannedBatches(scans, plan.slice(0, 2)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(source.reads.length).toBe(4);
    const batches = loader.batches(plannedBatches(scans, plan.slice(0, 2)));
    expect((await collect(batches)).length).toBe(2);
    expect(source.reads.length).toBe(4);
    const faulty = new Loader({ source: new MemorySource(0, plan[0]![0]!.scan), size });
    faulty.warmUp(plannedBatches(scans, plan));
    await expect(faulty.batches(plannedBatches(scans, plan)).next()).rejects.toThrow(DataError);
  });

  test("an unreadable scan is reported when its batch comes, with its type", async () => {
    const failing = plan[1]![0]!.scan, loader = new Loader({ source: new MemorySource(0, failing), size });
    const batches = loader.batches(plannedBatches(scans, plan));
    expect((await batches.next()).value).toBeDefined();
    await expect(batches.next()).rejects.toThrow(DataError);
  });

  test("a volume of another size is refused", async () => {
    const loader = new Loader({ source: new MemorySource(0, -1, { depth: 3 }), size: { ...size, depth: 3 } });
    const batches = loader.batches(plannedBatches(scans, plan));
    await expect(batches.next()).rejects.toThrow(/expected 3×2×3 = 18 voxels; found 12/);
  });
});

describe("the loader's Worker", () => {
  test.each(cacheDtypes)("%s: gives the bits of the cache, augmented and blended, batch after batch", async (dtype) => {
    const { scans } = await openDataset({ directory: await writeDataset() }), directory = temporaryFolder();
    const recipe = recipeFor({ size: "3x6x5", dtype }), cache = await openCache({ recipe, directory });
    const training = { seed: 1, reflection: 0.5, brightness: 0.1, contrast: 0.1, mixup: 0.4 };
    const loader = new Loader({ source: workerSource({ recipe, cacheDirectory: directory }), size: recipe.size });
    try {
      for (const epoch of [0, 1, 2]) {
        const plan = planEpoch({ scans, batchSize: 2, training: { ...training, epoch } });
        const batches = await collect(loader.batches(plannedBatches(scans, plan)));
        expect(batches.map(({ items }) => items)).toEqual(plan);
        for (const { items, voxels } of batches) {
          const own = await Promise.all(
            items.map(async ({ scan, augmentation }) =>
              applyAugmentation((await cache.get(scans[scan]!)).voxels, 5, augmentation)
            ),
          );
          const whole = Float32Array.from(own.flatMap((volume) => [...volume]));
          expect(voxels).toEqual(mixVoxels(whole, 3 * 6 * 5, items.map(({ mix }) => mix)));
        }
      }
    } finally {
      loader.close();
    }
  });

  test("a scan that cannot be read is a typed error of its batch", async () => {
    const { scans } = await openDataset({ directory: await writeDataset() });
    Deno.writeTextFileSync(`${scans[0]!.folder}/1.jpg`, "broken");
    const recipe = recipeFor({ size: "3x6x5" });
    const source = workerSource({ recipe, cacheDirectory: temporaryFolder() });
    const plan = planEpoch({ scans, batchSize: 1 });
    const batches = new Loader({ source, size: recipe.size }).batches(plannedBatches(scans, plan));
    await expect(batches.next()).rejects.toMatchObject({ code: "image-format" });
    source.close();
  });
});
