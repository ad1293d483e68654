import { describe, expect, test } from "vitest";
import {
  chiSquareTail,
  fairBinomialCdf,
  fairBinomialPdf,
  normalQuantile,
  twoSidedNormal,
} from "../../lib/evaluate/distributions.ts";
import { mcnemar, mcnemarOfCounts } from "../../lib/evaluate/mcnemar.ts";
import { goldens, numberOf } from "./support/goldens.ts";

describe("distribution functions against SciPy", () => {
  const { two_sided, quantile, chi_square, binomial } = goldens.distributions;

  test("normal, χ²", () => {
    for (const [z, p] of two_sided) expect(twoSidedNormal(z), `z ${z}`).toBeCloseTo(p, 12);
    for (const [p, z] of quantile) expect(normalQuantile(p), `p ${p}`).toBeCloseTo(z, 8);
    for (const [x, p] of chi_square) expect(chiSquareTail(x), `x ${x}`).toBeCloseTo(p, 12);
  });

  test("fair coins", () => {
    for (const [k, n, cdf, pdf] of binomial) {
      expect(fairBinomialCdf(k, n), `${k} of ${n}`).toBeCloseTo(cdf, 10);
      expect(fairBinomialPdf(k, n), `${k} of ${n}`).toBeCloseTo(pdf, 10);
    }
  });
});

test.each(goldens.mcnemar.map((golden) => [golden.b, golden.c, golden] as const))(
  "%d against %d, as statsmodels",
  (b, c, golden) => {
    const { exactP, midP, chiSquare, chiSquareP } = mcnemarOfCounts(b, c);
    expect(exactP).toBeCloseTo(golden.exact, 10);
    expect(midP).toBeCloseTo(golden.mid, 10);
    if (golden.chi === null) expect([chiSquare, chiSquareP]).toEqual([NaN, NaN]);
    else {
      expect(chiSquare).toBeCloseTo(golden.chi, 12);
      expect(chiSquareP).toBeCloseTo(numberOf(golden.chi_p), 12);
    }
  },
);

test("counts the scans that only one has right", () => {
  const first = [true, true, false, false, true], second = [true, false, true, false, false];
  expect(mcnemar(first, second)).toMatchObject({ onlyFirst: 2, onlySecond: 1, exactP: 1 });
  expect(() => mcnemar([true], [])).toThrow(RangeError);
});
