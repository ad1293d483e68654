/** Brightness, contrast and mixup: sampled parameters, pure applications, streams that do not disturb each other. */
import { mean, standardDeviation } from "simple-statistics";
import { describe, expect, test } from "vitest";
import { applyAugmentation, sampleAugmentation } from "../../lib/data/augment.ts";
import { BatchAssembly } from "../../lib/data/batch_assembly.ts";
import { planEpoch, type TrainingPlan } from "../../lib/data/epoch_plan.ts";
import { Loader, type PlannedBatch, plannedBatches } from "../../lib/data/loader.ts";
import { type Mix, mixVoxels, sampleMixes, sampleSymmetricBeta } from "../../lib/data/mixup.ts";
import type { Scan } from "../../lib/data/types.ts";
import { randomStream } from "../../lib/random.ts";
import { expectClose } from "../support/close.ts";

const scans = Array.from({ length: 9 }, (_, i): Scan => ({
  ...{ id: `ct_scan_${i}`, key: `train/covid/ct_scan_${i}`, split: "train", presence: true, severity: "undefined" },
  ...{ folder: `/data/${i}`, slices: [], ignored: 0 },
}));

describe("brightness and contrast", () => {
  test("contrast about mid-grey, then brightness, then reflection; nothing is clipped", () => {
    const volume = Float32Array.of(0, 0.5, 1, 0.25, 0.75, 0.5);
    const found = applyAugmentation(volume, 3, { reflect: true, brightness: 0.125, contrast: 1.5 });
    expect([...found]).toEqual([1.375, 0.625, -0.125, 0.625, 1, 0.25]);
    expect([...volume]).toEqual([0, 0.5, 1, 0.25, 0.75, 0.5]);
    expect(applyAugmentation(volume, 3, { reflect: false, brightness: 0, contrast: 1 })).toEqual(volume);
  });

  test("σ is the deviation of the shift and of the factor's logarithm", () => {
    const stream = randomStream(1, "test");
    const draws = Array.from(
      { length: 20000 },
      () => sampleAugmentation(stream, { reflection: 0.5, brightness: 0.05, contrast: 0.3 }),
    );
    const shifts = draws.map(({ brightness }) => brightness!), logs = draws.map(({ contrast }) => Math.log(contrast!));
    expectClose([mean(shifts), standardDeviation(shifts)], [0, 0.05], 0.0015, 0);
    expectClose([mean(logs), standardDeviation(logs)], [0, 0.3], 0.009, 0);
  });

  test("switching one on changes neither the reflections nor the other, and off leaves no trace", () => {
    const draw = (key: number, config: Omit<Parameters<typeof sampleAugmentation>[1], "reflection">) =>
      sampleAugmentation(randomStream(3, "augment", 0, key), { reflection: 0.5, ...config });
    for (let key = 0; key < 50; key++) {
      // What a run without these options has always drawn.
      const reflect = randomStream(3, "augment", 0, key).uniform() < 0.5;
      const both = draw(key, { brightness: 0.1, contrast: 0.2 });
      expect(draw(key, {})).toEqual({ reflect });
      expect(draw(key, { brightness: 0.1 })).toEqual({ reflect, brightness: both.brightness });
      expect(draw(key, { contrast: 0.2 })).toEqual({ reflect, contrast: both.contrast });
    }
  });
});

describe("mixup", () => {
  test("shares are Beta(α, α), for small α too", () => {
    for (const alpha of [0.01, 0.2, 1, 4]) {
      const stream = randomStream(2, "beta", alpha);
      const shares = Array.from({ length: 20000 }, () => sampleSymmetricBeta(stream, alpha));
      expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
      expectClose([mean(shares), standardDeviation(shares) ** 2], [0.5, 1 / (4 * (2 * alpha + 1))], 0.012, 0);
    }
    const stream = randomStream(2, "uniform"); // Beta(1, 1)
    const below = Array.from({ length: 10000 }, () => sampleSymmetricBeta(stream, 1)).filter((share) => share < 0.2);
    expect(below.length / 10000).toBeCloseTo(0.2, 1);
  });

  test("partners are others, each scan is the partner of one; a single scan has none", () => {
    const stream = randomStream(4, "mix");
    for (const count of [2, 3, 7]) {
      const partners = sampleMixes(stream, count, 0.5).map(({ partner }) => partner);
      expect([...partners].sort()).toEqual(partners.map((_, i) => i));
      expect(partners.every((partner, i) => partner !== i)).toBe(true);
    }
    expect(sampleMixes(stream, 1, 0.5)).toEqual([]);
  });

  test("voxels: share·own + (1 − share)·partner of the volumes before any blending", () => {
    const mixes: (Mix | undefined)[] = [{ partner: 1, share: 0.25 }, { partner: 0, share: 1 }, undefined];
    const mixed = mixVoxels(Float32Array.of(0, 4, 8, 16, 5, 6), 2, mixes);
    expect([...mixed]).toEqual([6, 13, 8, 16, 5, 6]);
  });
});

describe("plan and loader", () => {
  const training: TrainingPlan = { seed: 7, epoch: 2, reflection: 0.5, brightness: 0.1, contrast: 0.1, mixup: 0.4 };
  const plan = (change: Partial<TrainingPlan> = {}) =>
    planEpoch({ scans, batchSize: 3, training: { ...training, ...change } });

  test("order and reflections are those of a plan without extras; another seed or epoch mixes otherwise", () => {
    const plain = planEpoch({ scans, batchSize: 3, training: { seed: 7, epoch: 2, reflection: 0.5 } });
    const simple = plan().map((batch) =>
      batch.map(({ scan, augmentation: { reflect } }) => ({ scan, augmentation: { reflect } }))
    );
    expect(simple).toEqual(plain);
    expect(plan()).toEqual(plan());
    const shares = (change: Partial<TrainingPlan>) => plan(change).flat().map(({ mix }) => mix!.share);
    expect(shares({ epoch: 3 })).not.toEqual(shares({}));
    expect(shares({ seed: 8 })).not.toEqual(shares({}));
    expect(plan({ mixup: 0 }).flat().every(({ mix }) => mix === undefined)).toBe(true);
  });

  test("batches hold the blended, augmented volumes, wherever the loader starts", async () => {
    const size = { depth: 1, height: 1, width: 4 };
    const voxelsOf = (scan: number) => Float32Array.from({ length: 4 }, (_, i) => Math.sin(5 * scan + i));
    const read = ({ folder }: Scan) => Promise.resolve(voxelsOf(Number(folder.slice(6))));
    const assembly = new BatchAssembly({ read, size });
    const source = {
      read: ({ scans, items }: PlannedBatch) =>
        assembly.assemble(items.map((item) => ({ ...item, scan: scans[item.scan]! }))),
      close() {},
    };
    const batches = plan(), loader = new Loader({ source, size });
    for (let start = 0; start <= batches.length; start++) {
      let index = start;
      for await (const { voxels, items } of loader.batches(plannedBatches(scans, batches, start))) {
        const own = items.map(({ scan, augmentation }) => applyAugmentation(voxelsOf(scan), 4, augmentation));
        const expected = items.flatMap(({ mix }, i) =>
          Array.from(own[i]!, (value, k) => Math.fround(mix!.share * value + (1 - mix!.share) * own[mix!.partner]![k]!))
        );
        expect([...voxels]).toEqual(expected);
        expect(items).toEqual(batches[index++]);
      }
      expect(index).toBe(batches.length);
    }
  });

  test("evaluation: scans in their order, reflected at random by seed and epoch only when asked", () => {
    const views = (epoch: number, reflection = 0.5) =>
      planEpoch({ scans, batchSize: 4, reflectEvaluation: { seed: 1, epoch, reflection } }).flat();
    expect(views(0).map(({ scan }) => scan)).toEqual(scans.map((_, i) => i));
    const reflected = (epoch: number) => views(epoch).map(({ augmentation }) => augmentation.reflect);
    expect(new Set(reflected(0)).size).toBe(2);
    expect(reflected(0)).toEqual(reflected(0));
    expect(reflected(0)).not.toEqual(reflected(1));
    expect(views(0, 0).some(({ augmentation }) => augmentation.reflect)).toBe(false);
  });
});
