import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyAugmentation, noAugmentation, sampleAugmentation } from "../../lib/data/augment.ts";
import { type Batch, Loader, planEpoch, type VolumeSource } from "../../lib/data/loader.ts";
import type { Scan } from "../../lib/data/types.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { oracle } from "../support/oracles.ts";

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
class MemorySource implements VolumeSource {
  reads: string[] = [];
  closed = false;
  constructor(readonly delayMs = 0, readonly failing = -1) {}
  async read(scan: Scan): Promise<Float32Array> {
    this.reads.push(scan.key);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const number = Number(scan.folder.slice("/data/".length));
    if (number === this.failing) throw new DataError("image.broken", "broken", { file: scan.folder });
    return Float32Array.from({ length: voxelsEach }, (_, i) => number * 100 + i);
  }
  close() {
    this.closed = true;
  }
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
    for (const { voxels, items, shape } of await collect(loader.batches(scans, plan))) {
      expect(shape).toEqual([2, 2, 2, 3, 1]);
      items.forEach(({ scan, augmentation }, i) => {
        const row = [...voxels.subarray(i * voxelsEach, i * voxelsEach + 3)];
        const expected = [scan * 100, scan * 100 + 1, scan * 100 + 2];
        expect(row).toEqual(augmentation.reflect ? expected.reverse() : expected);
      });
    }
  });

  test("starting at batch b gives what an uninterrupted epoch gives from b on", async () => {
    const whole = await collect(new Loader({ source: new MemorySource(), size }).batches(scans, plan));
    for (let start = 0; start <= plan.length; start++) {
      const loader = new Loader({ source: new MemorySource(), size });
      expect(await collect(loader.batches(scans, plan, start))).toEqual(whole.slice(start));
    }
  });

  test("reads ahead, but no further than asked", async () => {
    const source = new MemorySource();
    const batches = new Loader({ source, size, prefetch: 1 }).batches(scans, plan);
    await batches.next();
    expect(source.reads.length).toBe(4); // batch 0 and one ahead
    await batches.next();
    expect(source.reads.length).toBe(6);
    await batches.return();
  });

  test("keeps volumes in memory up to the limit, and the kept ones stay as they were read", async () => {
    const source = new MemorySource();
    const loader = new Loader({ source, size, keepBytes: 4 * voxelsEach * 3 });
    const first = await collect(loader.batches(scans, plan));
    expect(source.reads.length).toBe(8);
    expect(await collect(loader.batches(scans, plan))).toEqual(first);
    expect(source.reads.length).toBe(8 + 5);
  });

  test("waiting for data is measured; data that is there is not waited for", async () => {
    const slow = new Loader({ source: new MemorySource(30), size, prefetch: 0 });
    await collect(slow.batches(scans, plan));
    expect(slow.takeStallSeconds()).toBeGreaterThan(0.1);
    expect(slow.takeStallSeconds()).toBe(0);
    await collect(slow.batches(scans, plan)); // kept in memory now
    expect(slow.takeStallSeconds()).toBeLessThan(0.05);
  });

  test("an unreadable scan is reported when its batch comes, with its type", async () => {
    const failing = plan[1]![0]!.scan;
    const batches = new Loader({ source: new MemorySource(0, failing), size }).batches(scans, plan);
    expect((await batches.next()).value).toBeDefined();
    await expect(batches.next()).rejects.toThrow(DataError);
  });

  test("a volume of another size is refused", async () => {
    const loader = new Loader({ source: new MemorySource(), size: { ...size, depth: 3 } });
    await expect(loader.batches(scans, plan).next()).rejects.toThrow(/expected 3×2×3 = 18 voxels; found 12/);
  });
});
