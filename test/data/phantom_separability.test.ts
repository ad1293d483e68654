/** Presence must not be readable from anything trivial: grey levels, number of slices, size of the files. */
import { expect, test } from "vitest";
import { openDataset } from "../../lib/data/dataset.ts";
import { generatePhantom, type PhantomOptions } from "../../lib/data/phantom/mod.ts";
import { fitLogisticRegression } from "../support/logistic_regression.ts";
import { trivialScore } from "../support/trivial_features.ts";
import { temporaryFolder } from "./support/datasets.ts";

const mild = { mild: 1, moderate: 0, severe: 0, critical: 0 };

test.for<[number, Partial<PhantomOptions>]>([
  [1, {}],
  [2, {}],
  [4, { confounder: "balanced", severityMix: mild }],
])(
  "logistic regression on trivial features stays under 0.75 macro F1, seed %i %o",
  { timeout: 180_000 },
  async ([seed, changes]) => {
    const directory = temporaryFolder();
    const counts = { train: 120, validation: 80 };
    await generatePhantom({
      ...{ directory, seed, scans: counts, sliceSize: 48, positiveShare: 0.5, masks: false },
      ...changes,
    });
    const { scans } = await openDataset({ directory });
    const { trainedOn, testedOn, byPenalty } = await trivialScore(scans);
    expect([trainedOn, testedOn]).toEqual([120, 80]);
    for (const { penalty, macroF1 } of byPenalty) {
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
