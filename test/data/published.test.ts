/** Published tables: complete, in the paper's order, and possible on the released scans. */
import { describe, expect, test } from "vitest";
import { publishedCounts } from "../../lib/data/counts.ts";
import {
  publishedBaselines,
  type PublishedExperiment,
  publishedTable3,
  publishedTestScores,
} from "../../lib/data/published.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { oracle } from "../support/oracles.ts";

const rows = publishedTable3();
const validation = { positive: 215, negative: 269 };

/** Macro F1 with `fn` of the positives and `fp` of the negatives wrong. */
function macroF1(fn: number, fp: number): number {
  const f1 = (hits: number) => 2 * hits / (2 * hits + fn + fp);
  return (f1(validation.positive - fn) + f1(validation.negative - fp)) / 2;
}

/** Numbers of wrong scans that give this macro F1, rounded to four decimals. */
const wrongScans = (printed: number): number[] => [...wrongByScore.get(printed.toFixed(4)) ?? []].sort((a, b) => a - b);
const wrongByScore = new Map<string, Set<number>>();
for (let fn = 0; fn <= validation.positive; fn++) {
  for (let fp = 0; fp <= validation.negative; fp++) {
    const score = macroF1(fn, fp).toFixed(4);
    wrongByScore.set(score, (wrongByScore.get(score) ?? new Set()).add(fn + fp));
  }
}

describe("Table 3", () => {
  test("28 rows, by falling task-1 F1, those without at the end by rising task-2 F1", () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
    const presence = rows.flatMap(({ presenceF1 }) => presenceF1 ?? []);
    expect(presence).toEqual(presence.toSorted((a, b) => b - a));
    expect(presence.length).toBe(26);
    expect(rows.slice(26).map(({ presenceF1 }) => presenceF1)).toEqual([null, null]);
  });

  test("a score is missing exactly where λ leaves a task out", () => {
    for (const { id, severityFactor, presenceF1, severityF1 } of rows) {
      expect(presenceF1 === null, `row ${id}`).toBe(severityFactor === 1);
      expect(severityF1 === null, `row ${id}`).toBe(severityFactor === 0);
    }
  });

  test("values that the paper names: three sizes with half as many slices, 30 to 50 epochs, ε of 0 or 0.1", () => {
    const values = <K extends keyof PublishedExperiment>(key: K) =>
      [...new Set(rows.map((row) => row[key]))].sort() as unknown[];
    expect(values("severityFactor")).toEqual([0, 0.1, 0.2, 0.5, 0.9, 1]);
    expect(values("epochs")).toEqual([30, 40, 50]);
    expect(values("presenceSmoothing")).toEqual([0, 0.1]);
    expect(values("severitySmoothing")).toEqual([0, 0.1]);
    for (const { size } of rows) expect([2 * size.depth, size.width]).toEqual([size.height, size.height]);
    expect([...new Set(rows.map(({ size }) => size.depth))]).toEqual([160, 128, 64]);
  });

  test("submitted models: the four best of each task", () => {
    const best = (task: "presence" | "severity") =>
      rows.filter((row) => row[`${task}F1`] !== null).toSorted((a, b) => b[`${task}F1`]! - a[`${task}F1`]!)
        .slice(0, 4).map(({ id }) => id);
    const submitted = (task: "presence" | "severity") =>
      rows.filter((row) => row[`${task}Submission`] !== null)
        .toSorted((a, b) => a[`${task}Submission`]! - b[`${task}Submission`]!).map(({ id }) => id);
    expect(submitted("presence")).toEqual([1, 2, 3, 4]);
    expect(submitted("severity")).toEqual([14, 28, 16, 25]);
    expect(best("presence").sort()).toEqual([1, 2, 3, 4]);
    expect(best("severity")).toEqual([14, 28, 16, 25]);
  });

  test("the text's 0.7552 is noted where the table says 0.7546", () => {
    expect(rows[13]).toMatchObject({ id: 14, severityF1: 0.7546 });
    expect(rows[13]!.source).toContain("0.7552");
  });

  test("metric.table3: every task-1 score can happen on 215 positive and 269 negative scans", () => {
    const { inputs, expected, tol } = oracle("metric.table3");
    expect([inputs.P, inputs.N]).toEqual([validation.positive, validation.negative]);
    for (const [name, value] of Object.entries<number>(expected)) {
      const [fn, fp] = name.match(/\d+/g)!.map(Number) as [number, number];
      expect(Math.abs(macroF1(fn, fp) - value)).toBeLessThan(tol);
    }
    const distinct = [...new Set(rows.flatMap(({ presenceF1 }) => presenceF1 ?? []))];
    expect(distinct.length).toBe(23);
    // The number of wrong scans behind each score. Evidence, but weak: 93 % of the numbers from 0.89 to 0.95 can happen.
    expect(distinct.map((score) => wrongScans(score).join(" or "))).toEqual([
      ...["25", "28", "29", "30", "30", "31", "32", "33", "34", "34", "35", "35"],
      ...["35", "36", "36", "37", "37", "38", "39", "39 or 40", "43", "45", "48 or 49"],
    ]);
    expect(wrongScans(0.9999)).toEqual([]);
    const possible = Array.from({ length: 600 }, (_, i) => 0.89 + i / 1e4).filter((f1) => wrongScans(f1).length > 0);
    expect(possible.length).toBe(558);
  });

  test("the closed form is the kit's own macro F1", () => {
    const truth = [...Array(215).fill(1), ...Array(269).fill(0)] as number[];
    const predicted = truth.map((label, i) => i < 14 ? 0 : i >= 215 && i < 226 ? 1 : label);
    expect(classificationScores(truth, predicted).macroF1).toBeCloseTo(macroF1(14, 11), 12);
  });
});

describe("tables 1 and 2", () => {
  const count = (split: string, row: string) => publishedCounts().find((c) => c.split === split && c.row === row)!;

  test("released counts add up; the three misprints of the paper do not", () => {
    for (const split of ["train", "validation"]) {
      const of = (row: string) => count(split, row).released!;
      expect(of("positive") + of("negative")).toBe(of("total"));
      expect(of("mild") + of("moderate") + of("severe") + of("critical")).toBe(of("annotated"));
    }
    expect(count("train", "total")).toMatchObject({ paper: 2292, released: 1992 });
    expect(count("validation", "severe")).toMatchObject({ paper: 22, released: 24 });
    expect(count("validation", "annotated")).toMatchObject({ paper: 106, released: 61 });
    const different = publishedCounts().filter(({ paper, released }) => released !== undefined && paper !== released);
    expect(different.length).toBe(3);
  });
});

describe("other scores", () => {
  test("the test set of 2022: 87.87 and 46.00 percent", () => {
    const of = (task: string) => publishedTestScores().find((score) => score.task === task)!;
    expect(of("presence")).toMatchObject({ value: 0.8787, printed: "87.87", scans: 5281, place: 2 });
    expect(of("severity")).toMatchObject({ value: 0.46, printed: "46.00", scans: 265, place: 4 });
    for (const { source } of publishedTestScores()) expect(source).toContain("10.1007/978-3-031-25082-8_45");
    const total = (row: "total" | "annotated") =>
      publishedCounts().find((count) => count.split === "test" && count.row === row)!.paper;
    expect([of("presence").scans, of("severity").scans]).toEqual([total("total"), total("annotated")]);
  });

  test("every value is what its source prints, as a share, and has a source", () => {
    for (const { value, printed, source } of [...publishedBaselines(), ...publishedTestScores()]) {
      const asShare = Number(printed) > 1 ? Number(printed) / 100 : Number(printed);
      expect(value).toBeCloseTo(asShare, 12);
      expect(source).toMatch(/arXiv:\d{4}\.\d{5}|doi:10\.|Cov3d paper/);
    }
    expect(publishedBaselines().find(({ method }) => method.startsWith("MIA-COV19D"))).toMatchObject({
      value: 0.7,
      split: "validation",
    });
  });
});
