/** Presence must not be readable from anything trivial: grey levels, number of slices, size of the files. */
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { openDataset } from "../../lib/data/dataset.ts";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import type { Scan } from "../../lib/data/types.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { fitLogisticRegression } from "../support/logistic_regression.ts";
import { temporaryFolder } from "./support/datasets.ts";

const bins = 32;

/** Mean, standard deviation, histogram of 32 bins, number of slices, bytes of the JPEG files. */
async function trivialFeatures({ folder, slices }: Scan): Promise<number[]> {
  const histogram = new Array<number>(bins).fill(0);
  let pixels = 0, sum = 0, squares = 0, bytes = 0;
  for (const slice of slices) {
    const file = await Deno.readFile(join(folder, slice));
    bytes += file.length;
    for (const grey of await sharp(file).raw().toBuffer()) {
      histogram[grey >> 3]!++;
      sum += grey;
      squares += grey * grey;
      pixels++;
    }
  }
  const mean = sum / pixels;
  return [
    mean,
    Math.sqrt(squares / pixels - mean * mean),
    ...histogram.map((count) => count / pixels),
    slices.length,
    bytes,
  ];
}

test.for([1, 2, 3])(
  "logistic regression on trivial features stays under 0.75 macro F1, seed %i",
  { timeout: 180_000 },
  async (seed) => {
    const directory = temporaryFolder();
    const counts = { train: 120, validation: 80 };
    await generatePhantom({ directory, seed, scans: counts, sliceSize: 48, positiveShare: 0.5, masks: false });
    const { scans } = await openDataset({ directory });
    expect(scans.length).toBe(200);
    const features = new Map<Scan, number[]>();
    for (const scan of scans) features.set(scan, await trivialFeatures(scan));
    const split = (name: string) => scans.filter((scan) => scan.split === name);
    const rows = (name: string) => split(name).map((scan) => features.get(scan)!);
    const truth = split("validation").map((scan) => Number(scan.presence));
    for (const penalty of [0.1, 1, 10, 100]) {
      const model = fitLogisticRegression(rows("train"), split("train").map((scan) => scan.presence!), penalty);
      const predicted = rows("validation").map((row) => Number(model.predict(row)));
      const { macroF1 } = classificationScores(truth, predicted);
      console.log(`seed ${seed}, penalty ${penalty}: macro F1 ${macroF1.toFixed(3)}`);
      expect(macroF1).toBeLessThan(0.75);
    }
  },
);

test("the same regression sees what is plain: it does separate classes that differ in brightness", () => {
  const samples = Array.from({ length: 60 }, (_, i) => [i % 2 + 0.3 * Math.sin(i), Math.cos(3 * i)]);
  const labels = samples.map((_, i) => i % 2 === 1);
  const model = fitLogisticRegression(samples.slice(0, 40), labels.slice(0, 40));
  expect(samples.slice(40).map((sample) => model.predict(sample))).toEqual(labels.slice(40));
});
