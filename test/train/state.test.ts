import { expect, test } from "vitest";
import { improves } from "../../lib/train/state.ts";

test("the best epoch is the first of the highest score", () => {
  expect(improves(0, null)).toBe(true);
  expect(improves(0.5, { epoch: 0, score: 0.4 })).toBe(true);
  expect(improves(0.5, { epoch: 0, score: 0.5 })).toBe(false);
  expect(improves(0.4, { epoch: 0, score: 0.5 })).toBe(false);
});

test("a task that is not trained, or has nothing to score, never has a best epoch", () => {
  expect(improves(undefined, null)).toBe(false);
  expect(improves(NaN, null)).toBe(false);
});
