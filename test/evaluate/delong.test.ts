import { describe, expect, test } from "vitest";
import { auc } from "../../lib/evaluate/auc.ts";
import { delongCovariance, delongInterval, delongTest } from "../../lib/evaluate/delong.ts";
import { randomStream } from "../../lib/random.ts";
import { goldens, labels, numberOf } from "./support/goldens.ts";

describe("DeLong against the definition, pair by pair, and SciPy's normal distribution", () => {
  test.each(goldens.delong.map((golden, i) => [i, golden] as const))("case %d", (_, golden) => {
    const truth = labels(golden.truth), { first, second } = golden;
    const { areas, covariance } = delongCovariance(truth, [first, second]);
    golden.areas.forEach((area, i) => expect(areas[i]).toBeCloseTo(area, 12));
    golden.covariance.flat().forEach((value, i) => expect(covariance.flat()[i]).toBeCloseTo(value, 12));
    const interval = delongInterval(truth, first);
    expect([interval.low, interval.high].map((x) => x.toFixed(10))).toEqual(golden.interval.map((x) => x.toFixed(10)));
    const { z, p, difference, low, high } = delongTest(truth, first, second);
    const same = numberOf(golden.z);
    if (Number.isNaN(same)) expect(z).toBeNaN();
    else expect([z, p]).toEqual([expect.closeTo(same, 9), expect.closeTo(numberOf(golden.p), 10)]);
    expect((low + high) / 2).toBeCloseTo(difference, 12);
  });

  test("some of these cases have a difference to test, and some have none", () => {
    const tested = goldens.delong.filter(({ z }) => z !== null);
    expect(tested.length).toBeGreaterThan(15);
    expect(tested.length).toBeLessThan(goldens.delong.length);
  });
});

describe("limits", () => {
  const yes = true, no = false;

  test("perfect separation has no spread; the same model twice does not differ", () => {
    const truth = [no, no, yes, yes], scores = [0.1, 0.2, 0.8, 0.9];
    expect(delongInterval(truth, scores)).toMatchObject({ value: 1, variance: 0, low: 1, high: 1 });
    expect(delongTest(truth, scores, scores)).toMatchObject({ difference: 0, z: NaN, p: 1 });
    // Always a difference and no variance in it: nothing can be said.
    expect(delongTest(truth, scores, scores.map((score) => 1 - score))).toMatchObject({ difference: 1, p: NaN });
  });

  test("one positive gives an area and no interval; one class gives nothing", () => {
    const one = delongInterval([yes, no, no], [0.5, 0.2, 0.7]);
    expect([one.value, one.variance, one.low]).toEqual([0.5, NaN, NaN]);
    expect(delongInterval([yes, yes], [0.1, 0.2]).value).toBeNaN();
    expect(delongInterval([], []).value).toBeNaN();
    expect(() => delongInterval([yes], [])).toThrow(RangeError);
  });

  test("the interval covers the true area about 95 times in 100, and the test errs about 5 times in 100", () => {
    const random = randomStream(11, "delong");
    const trials = 400, truth = Array.from({ length: 120 }, (_, i) => i % 2 === 0);
    const trueArea = 0.7602; // P(N(1, 1) > N(0, 1)) = Φ(1/√2)
    let covered = 0, rejected = 0;
    for (let trial = 0; trial < trials; trial++) {
      const shared = truth.map(() => random.normal());
      const scores = () => truth.map((positive, i) => Number(positive) + (shared[i]! + random.normal()) / Math.SQRT2);
      const first = scores();
      const { low, high, value } = delongInterval(truth, first);
      expect(value).toBeCloseTo(auc(truth, first), 12);
      if (low <= trueArea && trueArea <= high) covered++;
      if (delongTest(truth, first, scores()).p < 0.05) rejected++;
    }
    expect(covered / trials).toBeGreaterThan(0.91);
    expect(covered / trials).toBeLessThan(0.985);
    expect(rejected / trials).toBeGreaterThan(0.02);
    expect(rejected / trials).toBeLessThan(0.09);
  });
});
