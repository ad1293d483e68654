import { describe, expect, test } from "vitest";
import { bicubicLine, splineLine } from "../../lib/data/line_resampling.ts";
import { intensityStatistics } from "../../lib/data/intensity_statistics.ts";

describe("one line of values", () => {
  test("the spline of 0, 1, 0, 1 at six places, the specification's numbers", () => {
    const expected = [0, 1.064, 0.832, 0.168, -0.064, 1];
    splineLine([0, 1, 0, 1], 6).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
  });

  test("as many values as there are: the values themselves, by both", () => {
    const values = [3, 200, 40, 90, 7];
    splineLine(values, 5).forEach((value, i) => expect(value).toBeCloseTo(values[i]!, 12));
    expect(bicubicLine(values, 5)).toEqual(values);
  });

  test("the spline overshoots, the bicubic is clipped to grey values", () => {
    const edge = [0, 0, 0, 255, 255, 255];
    expect(Math.max(...splineLine(edge, 24))).toBeGreaterThan(255);
    expect(bicubicLine(edge, 12)).toEqual([0, 0, 0, 0, 0, 52, 203, 255, 255, 255, 255, 255]);
    expect(bicubicLine([300, -5, 12.4], 3)).toEqual([255, 0, 12]);
  });

  test("stripes of one pixel become grey in the plane, and alias along the depth", () => {
    const stripes = Array.from({ length: 24 }, (_, i) => i % 2 === 0 ? 0 : 255);
    for (const grey of bicubicLine(stripes, 6)) expect(Math.abs(grey - 127.5)).toBeLessThan(11);
    const aliased = splineLine(stripes, 6);
    expect(Math.max(...aliased) - Math.min(...aliased)).toBeGreaterThan(200);
  });
});

describe("intensity statistics", () => {
  const counted = (values: readonly number[]) =>
    Array.from({ length: 256 }, (_, grey) => values.filter((value) => value === grey).length);

  test("of pixels that can be counted by hand", () => {
    const statistics = intensityStatistics([counted([0, 0, 51]), counted([51, 102])]);
    expect(statistics.pixels).toBe(5);
    expect(statistics.mean).toBeCloseTo(40.8 / 255, 12);
    expect(statistics.standardDeviation).toBeCloseTo(Math.sqrt(1456.56) / 255, 12);
    expect(statistics.median).toBe(51 / 255);
    expect(statistics.percentile5).toBe(0);
    expect(statistics.percentile95).toBe(102 / 255);
  });

  test("of one grey value: no spread", () => {
    expect(intensityStatistics([counted([7, 7, 7])])).toMatchObject({ mean: 7 / 255, standardDeviation: 0 });
  });

  test("no pixels is an error", () =>
    expect(() => intensityStatistics([counted([])])).toThrow(expect.objectContaining({ code: "intensity.counts" })));
});
