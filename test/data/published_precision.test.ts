import { expect, test } from "vitest";
import { publishedTable3 } from "../../lib/data/published.ts";
import {
  errorsBehindF1,
  intervalOfErrors,
  macroF1OfErrors,
  publishedPresencePrecision,
} from "../../lib/data/published_precision.ts";
import { bootstrapInterval } from "../../lib/evaluate/intervals.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { table3Intervals } from "../../lib/report/figures/table3_intervals.ts";

const scans = { positives: 215, negatives: 269 };

test("the errors give the printed score by the ordinary definition, and nothing else does", () => {
  const found = errorsBehindF1(0.9476, scans);
  expect(found.length).toBeGreaterThan(0);
  for (const { missed, falseAlarms } of found) {
    const truth = Array.from({ length: 484 }, (_, i) => Number(i < 215));
    const predicted = truth.map((t, i) => t === 1 ? Number(i >= missed) : Number(i >= 484 - falseAlarms));
    expect(classificationScores(truth, predicted).macroF1.toFixed(4)).toBe("0.9476");
  }
  const all = Array.from(
    { length: 108 * 135 },
    (_, i) => ({ missed: i % 108, falseAlarms: Math.floor(i / 108) }),
  ).filter((errors) => macroF1OfErrors(errors, scans).toFixed(4) === "0.9476");
  expect(all).toHaveLength(found.length);
  // data/README.md: 0.9476 with 25 scans wrong, 0.8973 with 48 or 49.
  expect([...new Set(found.map(({ missed, falseAlarms }) => missed + falseAlarms))]).toEqual([25]);
  const worst = errorsBehindF1(0.8973, scans).map(({ missed, falseAlarms }) => missed + falseAlarms);
  expect([...new Set(worst)]).toEqual([48, 49]);
});

test("no errors at all, and a score that cannot be", () => {
  expect(errorsBehindF1(1, scans)).toEqual([{ missed: 0, falseAlarms: 0 }]);
  expect(errorsBehindF1(0.9999, scans)).toEqual([]);
});

test("intervals of Table 3: around the score, as wide as the binomial law says", () => {
  const rows = publishedPresencePrecision(publishedTable3());
  expect(rows).toHaveLength(26);
  for (const { macroF1, wrong: [fewest, most], interval } of rows) {
    expect(interval.value).toBeCloseTo(macroF1, 4);
    expect(fewest).toBeLessThanOrEqual(most);
    const accuracy = 1 - fewest / 484, normal = 2 * 1.96 * Math.sqrt(accuracy * (1 - accuracy) / 484);
    expect((interval.high - interval.low) / normal).toBeGreaterThan(0.85);
    expect((interval.high - interval.low) / normal).toBeLessThan(1.2);
  }
  expect(() => publishedPresencePrecision([{ ...publishedTable3()[0]!, presenceF1: 0.9999 }])).toThrow(RangeError);
});

test("without errors the interval has no width; with some it is the bootstrap's", () => {
  expect(intervalOfErrors({ missed: 0, falseAlarms: 0 }, scans)).toMatchObject({ value: 1, low: 1, high: 1 });
  const some = { positives: 40, negatives: 60 }, errors = { missed: 6, falseAlarms: 3 };
  const truth = Array.from({ length: 100 }, (_, i) => Number(i < 40));
  const predicted = truth.map((t, i) => t === 1 ? Number(i >= 6) : Number(i >= 97));
  const drawn = bootstrapInterval({
    items: 100,
    strata: truth,
    resamples: 4000,
    statistic: (at) => classificationScores(at.map((i) => truth[i]!), at.map((i) => predicted[i]!)).macroF1,
  });
  const exact = intervalOfErrors(errors, some);
  expect(exact.value).toBeCloseTo(drawn.value, 12);
  expect(Math.abs(exact.low - drawn.low)).toBeLessThan(0.012); // one scan is 0.01
  expect(Math.abs(exact.high - drawn.high)).toBeLessThan(0.012);
});

test("the figure counts the rows whose intervals hold the best score", () => {
  const figure = table3Intervals({ experiments: publishedTable3() });
  const covering = figure.rows.filter(({ high }) => Number(high) >= 0.9476).length;
  expect(figure.caption).toContain(`${covering} of the 26 rows`);
  expect(covering).toBeGreaterThan(10);
  expect(figure.svg).toContain("25 wrong");
});
