import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { auc, rocCurve } from "../../lib/evaluate/auc.ts";

const yes = true, no = false;

describe("auc", () => {
  test("by hand: 3 positives, 2 negatives, 5 of 6 pairs in order", () => {
    expect(auc([yes, no, yes, no, yes], [0.9, 0.8, 0.85, 0.1, 0.3])).toBeCloseTo(5 / 6, 12);
  });

  test("a tie counts one half", () => {
    expect(auc([yes, no], [0.5, 0.5])).toBe(0.5);
    // pairs: (0.7 > 0.5), (0.7 > 0.2), (0.5 = 0.5), (0.5 > 0.2) → 3.5 of 4
    expect(auc([yes, yes, no, no], [0.7, 0.5, 0.5, 0.2])).toBe(3.5 / 4);
  });

  test("perfect, inverted, and undefined with one class", () => {
    expect(auc([no, yes], [0, 1])).toBe(1);
    expect(auc([no, yes], [1, 0])).toBe(0);
    expect(auc([yes, yes], [0, 1])).toBeNaN();
    expect(auc([], [])).toBeNaN();
  });

  test("is the trapezoidal area under rocCurve", () => {
    const scan = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 6 }));
    fc.assert(fc.property(fc.array(scan, { minLength: 2, maxLength: 40 }), (scans) => {
      const truth = scans.map(([label]) => label), scores = scans.map(([, score]) => score / 6);
      fc.pre(truth.includes(true) && truth.includes(false));
      const curve = rocCurve(truth, scores);
      let area = 0;
      curve.forEach((point, i) => {
        const before = curve[i - 1] ?? point;
        area += (point.falsePositiveRate - before.falsePositiveRate) * (point.sensitivity + before.sensitivity) / 2;
      });
      expect(area).toBeCloseTo(auc(truth, scores), 10);
    }));
  });
});

describe("rocCurve", () => {
  test("by hand, with a tie that moves both rates together", () => {
    expect(rocCurve([yes, no, yes, no], [0.9, 0.4, 0.4, 0.1])).toEqual([
      { threshold: Infinity, falsePositiveRate: 0, sensitivity: 0 },
      { threshold: 0.9, falsePositiveRate: 0, sensitivity: 0.5 },
      { threshold: 0.4, falsePositiveRate: 0.5, sensitivity: 1 },
      { threshold: 0.1, falsePositiveRate: 1, sensitivity: 1 },
    ]);
  });

  test("is empty with one class", () => expect(rocCurve([yes], [0.5])).toEqual([]));
});
