import { describe, expect, test } from "vitest";
import fc from "fast-check";
import {
  brierDecomposition,
  brierScore,
  expectedCalibrationError,
  maximumCalibrationError,
  multiclassBrier,
  reliabilityCurve,
  topLabel,
} from "../../lib/evaluate/calibration.ts";
import { goldens, labels } from "./support/goldens.ts";

const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));

describe("presence against scikit-learn", () => {
  test.each(goldens.calibration.map((golden, i) => [i, golden] as const))("case %d", (_, golden) => {
    const truth = labels(golden.truth), { probabilities } = golden;
    expect(brierScore(truth, probabilities)).toBeCloseTo(golden.brier, 12);
    for (const { bins, binning, count, observed, predicted, ece, mce } of golden.curves) {
      const curve = reliabilityCurve(truth, probabilities, { bins, binning });
      const filled = curve.filter(({ scans }) => scans > 0);
      expect(curve.map(({ scans }) => scans)).toEqual(count);
      expect(filled.map((bin) => bin.observed)).toEqual(close(observed));
      expect(filled.map((bin) => bin.predicted)).toEqual(close(predicted));
      expect(expectedCalibrationError(curve)).toBeCloseTo(ece, 12);
      expect(maximumCalibrationError(curve)).toBeCloseTo(mce, 12);
    }
  });
});

test.each(goldens.severity.map((golden, i) => [i, golden] as const))("severity, case %d", (_, golden) => {
  const { truth, probabilities } = golden;
  expect(multiclassBrier(truth, probabilities)).toBeCloseTo(golden.brier, 12);
  const { right, confidence } = topLabel(truth, probabilities);
  expect(expectedCalibrationError(reliabilityCurve(right, confidence))).toBeCloseTo(golden.top_label_ece, 12);
});

const scans = fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true })), {
  minLength: 1,
  maxLength: 50,
});

test("the parts of the Brier score add up, with any bins", () => {
  fc.assert(fc.property(scans, fc.integer({ min: 1, max: 12 }), fc.boolean(), (pairs, bins, mass) => {
    const truth = pairs.map(([label]) => label), p = pairs.map(([, probability]) => probability);
    const parts = brierDecomposition(truth, p, { bins, binning: mass ? "mass" : "width" });
    expect(parts.reliability - parts.resolution + parts.uncertainty + parts.withinBins).toBeCloseTo(parts.brier, 10);
  }));
});

test("forecasts that take few values: Murphy's three terms alone, by hand", () => {
  // p = 0.2 four times with 1 positive, p = 0.8 four times with 3: share 1/2
  const truth = [1, 0, 0, 0, 1, 1, 1, 0].map(Boolean), p = [0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8];
  expect(brierDecomposition(truth, p)).toEqual({
    brier: expect.closeTo((0.64 + 3 * 0.04 + 3 * 0.04 + 0.64) / 8, 12),
    reliability: expect.closeTo(0.05 ** 2, 12),
    resolution: expect.closeTo(0.25 ** 2, 12),
    uncertainty: 0.25,
    withinBins: expect.closeTo(0, 12),
  });
});

test("perfect forecasts, no forecasts, wrong lengths", () => {
  const curve = reliabilityCurve([true, false], [1, 0]);
  expect([expectedCalibrationError(curve), maximumCalibrationError(curve), brierScore([true, false], [1, 0])])
    .toEqual([0, 0, 0]);
  expect(curve.map(({ scans }) => scans)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  for (const binning of ["width", "mass"] as const) {
    const none = reliabilityCurve([], [], { binning });
    expect([expectedCalibrationError(none), maximumCalibrationError(none)]).toEqual([NaN, NaN]);
  }
  expect(() => brierScore([true], [])).toThrow(RangeError);
  expect(() => reliabilityCurve([true], [0.5], { bins: 0 })).toThrow(RangeError);
});
