/** The sweep's rates and the four suggestions against fastai's. */
import { expect, test } from "vitest";
import { defaultSweep, suggestLearningRates, type SweepPoint, sweepPoint } from "../../lib/train/lr_find.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

const points = (loss: (step: number) => number, count = 100): SweepPoint[] =>
  Array.from({ length: count }, (_, step) => ({
    learningRate: sweepPoint(step, defaultSweep).lr,
    loss: loss(step),
    smoothLoss: loss(step),
  }));

test("rates rise exponentially from start to end", () => {
  const { inputs, expected } = oracle("schedule.lr_find");
  const rates = inputs.iters.map((step: number) => sweepPoint(step, defaultSweep).lr);
  expectClose(rates, expected.lr, 0, 1e-9);
});

test("valley, minimum, slide and steep are fastai's", () => {
  const { expected } = oracle("lr_find.suggestions");
  const curve = (i: number) =>
    2.3 - 1.5 * Math.exp(-(((i - 60) / 18) ** 2)) + 0.02 * Math.sin(i) + 0.01 * Math.max(0, i - 75) ** 2;
  const found = suggestLearningRates(points(curve), defaultSweep);
  for (const name of ["valley", "minimum", "slide", "steep"] as const) {
    expectClose([found[name]!], [expected[name]], 0, 1e-6);
  }
});

test("a loss that only rises has no valley; a sweep that ended at once has no suggestion", () => {
  expect(suggestLearningRates(points((i) => i), defaultSweep).valley).toBeNull();
  expect(suggestLearningRates(points((i) => i, 12), defaultSweep)).toEqual({
    valley: null,
    minimum: null,
    slide: null,
    steep: null,
  });
});
