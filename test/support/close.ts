import { expect } from "vitest";

/** Every value within `absolute` or `relative` of the expected one. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute = 1e-6,
  relative = 1e-5,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= absolute + relative * Math.abs(expected[i]!))) {
      expect.fail(`element ${i}: ${actual[i]} is not ${expected[i]} (error ${error})`);
    }
  }
}
