/** An assertion for notebooks: it fails loudly, with the name of what was checked. */

/** A number, or numbers in arrays of any depth. */
export type Numbers = number | readonly Numbers[] | Float32Array | Float64Array;

export interface ExpectCloseOptions {
  /** Largest difference that passes, relative to the expected value where that is above 1 (default 1e-9). */
  readonly tolerance?: number;
}

/**
 * Nothing when `actual` has the shape of `expected` and its numbers within the tolerance.
 * @throws RangeError that says where the first difference is, and how large
 * @example
 * ```ts
 * import { expectClose } from "@cov3d/lib";
 * expectClose("pos_weight", 1110 / 882, 1.258503, { tolerance: 1e-6 });
 * expectClose("probabilities", [0.25, 0.75], [0.25, 0.75]);
 * ```
 */
export function expectClose(
  name: string,
  actual: Numbers,
  expected: Numbers,
  { tolerance = 1e-9 }: ExpectCloseOptions = {},
): void {
  if (typeof expected === "number") {
    if (typeof actual !== "number") throw new RangeError(`${name}: a list, and ${expected} was expected`);
    const limit = tolerance * Math.max(1, Math.abs(expected));
    if (Object.is(actual, expected) || Math.abs(actual - expected) <= limit) return;
    throw new RangeError(`${name}: ${actual}, and ${expected} was expected (± ${limit})`);
  }
  if (typeof actual === "number") throw new RangeError(`${name}: one number, and a list was expected`);
  if (actual.length !== expected.length) {
    throw new RangeError(`${name}: ${actual.length} values, and ${expected.length} were expected`);
  }
  expected.forEach((value, i) => expectClose(`${name}[${i}]`, actual[i]!, value, { tolerance }));
}
