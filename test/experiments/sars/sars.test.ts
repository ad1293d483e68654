/** The experiment's own parts; the real scans only where COV3D_REAL_CT names them. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { GreyImage } from "../../../lib/data/bicubic.ts";
import { randomStream } from "../../../lib/random.ts";
import { baselinePredictions } from "./baseline.ts";
import { fitLogistic } from "./logistic.ts";
import { type PreparedScan, prepareScans, writeFoldDataset } from "./prepare.ts";
import { histogramOf, lungExtent, otsuThreshold, percentile, sampleFairly, slicesPerScan, spread } from "./sampling.ts";
import type { FoldScan } from "./scans.ts";
import { pairedDifference, poolScores } from "./scores.ts";

/** A bright slice with a dark square of the given side in its middle. */
function slice(dark: number, black = 60, white = 220): GreyImage {
  const size = 32, pixels = new Uint8Array(size * size).fill(white);
  for (let y = 16 - dark; y < 16 + dark; y++) for (let x = 16 - dark; x < 16 + dark; x++) pixels[y * size + x] = black;
  return { pixels, width: size, height: size };
}

const scanOf = (slices: number, id = "ct_scan_1"): FoldScan => ({
  id,
  patient: `P-${id}`,
  fold: 0,
  presence: true,
  folder: "/nowhere",
  slices: Array.from({ length: slices }, (_, k) => `${k}.jpg`),
});

describe("fair sampling", () => {
  test("positions are spread from end to end", () => {
    expect(spread(0, 9, 8)).toEqual([0, 1, 3, 4, 5, 6, 8, 9]);
    expect(spread(10, 80, 8)).toEqual([10, 20, 30, 40, 50, 60, 70, 80]);
  });

  test("Otsu's threshold separates two grey levels; percentiles follow the histogram", () => {
    const histogram = histogramOf([slice(8)]);
    expect(otsuThreshold(histogram)).toBeGreaterThanOrEqual(60);
    expect(otsuThreshold(histogram)).toBeLessThan(220);
    expect(percentile(histogram, 0.1)).toBe(60);
    expect(percentile(histogram, 0.9)).toBe(220);
  });

  test("slices without lung at either end are left out", () => {
    const images = [0, 1, 2, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 3, 0].map((dark) => slice(dark));
    expect(lungExtent(images)).toEqual({ first: 3, last: 12 });
  });

  test("every scan gives the same number of slices, from black to white", () => {
    for (const count of [10, 70]) {
      const sampled = sampleFairly(Array.from({ length: count }, () => slice(8, 90, 180)), scanOf(count));
      expect(sampled).toHaveLength(slicesPerScan);
      expect(new Set(sampled[0]!.pixels)).toEqual(new Set([0, 255]));
    }
  });

  test("a scan that is too short is refused rather than padded with repeats", () => {
    expect(() => sampleFairly(Array.from({ length: 7 }, () => slice(8)), scanOf(7))).toThrow(/too few slices/);
  });
});

describe("logistic regression", () => {
  const stream = randomStream(1, "logistic");
  const rows = Array.from({ length: 60 }, () => [stream.normal(), stream.normal(100, 20), stream.normal()]);
  const labels = rows.map(([a, b]) => a! + (b! - 100) / 20 + stream.normal(0, 0.5) > 0.3);

  test("learns two informative features of different scale", () => {
    const model = fitLogistic(rows, labels);
    const right = rows.filter((row, i) => (model.predict(row) >= 0.5) === labels[i]).length;
    expect(right / rows.length).toBeGreaterThan(0.85);
  });

  test("at the optimum the weighted residuals sum to zero, whatever the class balance", () => {
    const model = fitLogistic(rows, labels);
    const positives = labels.filter(Boolean).length;
    const sum = rows.reduce((total, row, i) => {
      const weight = rows.length / 2 / (labels[i] ? positives : rows.length - positives);
      return total + weight * (model.predict(row) - Number(labels[i]));
    }, 0);
    expect(Math.abs(sum)).toBeLessThan(1e-8);
  });

  test("separable data stay finite because of the penalty", () => {
    const model = fitLogistic([[-1], [-2], [1], [2]], [false, false, true, true]);
    expect(model.predict([3])).toBeGreaterThan(0.5);
    expect(model.predict([3])).toBeLessThan(1);
  });
});

describe("pooled scores", () => {
  const scans = Array.from({ length: 20 }, (_, i): FoldScan => ({
    ...scanOf(10, `ct_scan_${i}`),
    patient: `P${i >> 1}`,
    fold: i % 5,
    presence: i % 4 < 2,
  }));
  const runsOf = (probability: (scan: FoldScan, seed: number) => number) =>
    [1, 2].flatMap((seed) =>
      [0, 1, 2, 3, 4].map((fold) => ({
        seed,
        fold,
        predictions: scans.filter((scan) => scan.fold === fold)
          .map((scan) => ({ scan: scan.id, probability: probability(scan, seed) })),
        trainSeconds: 1,
      }))
    );

  test("a perfect and a constant model", () => {
    const perfect = poolScores("perfect", scans, runsOf((scan) => Number(scan.presence)));
    expect(perfect).toMatchObject({ predictions: 40, macroF1PerSeed: [1, 1], trainSeconds: 10 });
    expect(perfect.macroF1).toMatchObject({ value: 1, low: 1, high: 1 });
    const constant = poolScores("constant", scans, runsOf(() => 0.9));
    expect(constant.macroF1.value).toBeCloseTo(1 / 3, 12);
    expect(constant.auc.value).toBe(0.5);
  });

  test("the difference of a model and itself is zero in every resample", () => {
    const runs = runsOf((scan, seed) => (Number(scan.id.at(-1)) + seed) / 11);
    expect(pairedDifference(scans, runs, runs.toReversed())).toMatchObject({ value: 0, low: 0, high: 0 });
  });
});

const realCt = Deno.env.get("COV3D_REAL_CT");

describe("real scans", () => {
  test.skipIf(realCt === undefined)("sampled folds have one patient on one side only, and equal slices", async () => {
    const scratch = await Deno.makeTempDir({ prefix: "cov3d-sars-" });
    try {
      const scans = await prepareScans(join(realCt!, "sars"), scratch);
      expect(scans).toHaveLength(53);
      checkFolds(scans);
      const dataset = await writeFoldDataset(scans, 2, scratch);
      for (const split of ["train", "validation"]) {
        for (const kind of ["covid", "non-covid"]) {
          for (const { name } of Deno.readDirSync(join(dataset, split, kind))) {
            expect([...Deno.readDirSync(join(dataset, split, kind, name))]).toHaveLength(slicesPerScan);
          }
        }
      }
      // The set's README: all capture features together tell the classes apart with AUC 0.95 (leave one patient out).
      const capture = poolScores("capture", scans, baselinePredictions(scans, (scan) => scan.capture));
      const residual = poolScores("residual", scans, baselinePredictions(scans, (scan) => scan.residual));
      expect(capture.auc.value).toBeGreaterThan(0.85);
      expect(residual.auc.value).toBeLessThan(capture.auc.value);
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  });
});

function checkFolds(scans: readonly PreparedScan[]): void {
  const folds = new Map<string, Set<number>>();
  for (const { patient, fold } of scans) folds.set(patient, (folds.get(patient) ?? new Set()).add(fold));
  expect([...folds.values()].every((set) => set.size === 1)).toBe(true);
  for (const fold of [0, 1, 2, 3, 4]) {
    expect(new Set(scans.filter((scan) => scan.fold === fold).map(({ presence }) => presence)).size).toBe(2);
  }
}
