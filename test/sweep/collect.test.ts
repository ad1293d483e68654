/** From run folders to numbers, tables and figures: against numbers worked by hand. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import Papa from "papaparse";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { randomStream } from "../../lib/random.ts";
import { collectSweep, summarise } from "../../lib/sweep/collect.ts";
import { exportRecords } from "../../lib/sweep/export_records.ts";
import { escapeLatex } from "../../lib/sweep/latex.ts";
import { escapeMarkdown } from "../../lib/sweep/markdown.ts";
import { macroF1 } from "../../lib/sweep/scored_runs.ts";
import { pText, signed } from "../../lib/sweep/summary_table.ts";
import { writeChosenSweep } from "./support.ts";

let out: string;
beforeEach(async () => out = await Deno.makeTempDir({ prefix: "cov3d-collect-" }));
afterEach(() => Deno.remove(out, { recursive: true }));

const table = async () => await Deno.readTextFile(join(out, "table.md"));
const csv = async (name: string) =>
  Papa.parse<Record<string, string>>(await Deno.readTextFile(join(out, name)), { header: true, skipEmptyLines: true })
    .data;

describe("numbers", () => {
  test("macro F1 is that of the metrics, on every draw", () => {
    const random = randomStream(1, "macro");
    for (let draw = 0; draw < 200; draw++) {
      const answers = Array.from({ length: random.integer(1, 12) }, () => ({
        truth: random.integer(0, 3),
        predicted: random.integer(0, draw % 4),
      }));
      const indices = answers.map(() => random.integer(0, answers.length - 1));
      const chosen = indices.map((i) => answers[i]!);
      const scores = (list: typeof answers) =>
        classificationScores(list.map(({ truth }) => truth), list.map(({ predicted }) => predicted)).macroF1;
      expect(macroF1(answers)).toBeCloseTo(scores(answers), 12);
      expect(macroF1(answers, indices)).toBeCloseTo(scores(chosen), 12);
    }
    expect(macroF1([])).toBeNaN();
  });

  test("mean and sample standard deviation over seeds", async () => {
    // One of four wrong: F1 of "+" is 2/3, of "-" 4/5, macro 11/15. None wrong: 1. Their sd is (4/15)/√2.
    await writeChosenSweep({
      out,
      runs: [
        { row: "a", seed: 1, truth: "++--", predicted: "+---" },
        { row: "a", seed: 2, truth: "++--", predicted: "++--" },
      ],
    });
    const { rows: [row] } = await summarise(out);
    expect(row!.presence!.values).toEqual([expect.closeTo(11 / 15, 12), 1]);
    expect(row!.presence!.mean).toBeCloseTo(13 / 15, 12);
    expect(row!.presence!.standardDeviation).toBeCloseTo(4 / 15 / Math.SQRT2, 12);
    expect(row!.severity).toBeNull();
    expect(row!.seeds).toEqual({ planned: 2, complete: 2 });
    // Seed 2 is never wrong; seed 1 at best draws its right positive twice, and at worst its wrong one twice:
    // macro F1 of ---- against ++-- is (0 + 2/3)/2 = 1/3.
    expect(row!.presence!.interval).toMatchObject({ value: expect.closeTo(13 / 15, 12), high: 1 });
    expect(row!.presence!.interval.low).toBeCloseTo((1 / 3 + 1) / 2, 12);
  });

  test("paired bootstrap: drawn scans are the same for both rows", async () => {
    const truth = "+++++-----";
    await writeChosenSweep({
      out,
      runs: [
        { row: "base", seed: 1, truth, predicted: "++---++---" },
        { row: "same", seed: 1, truth, predicted: "++---++---" },
        { row: "right", seed: 1, truth, predicted: truth },
        { row: "wrong", seed: 1, truth, predicted: "-----+++++" },
      ],
    });
    const { rows: [base, same, right, wrong] } = await summarise(out);
    expect(base!.presence!.difference).toBeNull();
    expect(same!.presence!.difference).toMatchObject({ value: 0, low: 0, high: 0, p: 1 });
    // 5 right of 10 in the base: F1 of "+" 4/9, of "-" 6/11.
    expect(right!.presence!.difference!.value).toBeCloseTo(1 - (4 / 9 + 6 / 11) / 2, 12);
    // It is 0 only where no wrong one is drawn: (2/5)^5 (3/5)^5, less than one draw in a thousand.
    expect(right!.presence!.difference!.p).toBeLessThan(0.02);
    expect(wrong!.presence!.difference!.value).toBeCloseTo(0 - (4 / 9 + 6 / 11) / 2, 12);
    expect(wrong!.presence!.difference!.high).toBeLessThan(0);
  });

  test("patients are drawn whole: with one patient a class nothing varies", async () => {
    const truth = "++++----", predicted = "++--++--";
    const patients = ["p", "p", "p", "p", "n", "n", "n", "n"];
    await writeChosenSweep({ out, runs: [{ row: "a", seed: 1, truth, predicted, patients }] });
    const { presence } = (await summarise(out)).rows[0]!;
    expect(presence).toMatchObject({ unit: "patient", interval: { value: 0.5, low: 0.5, high: 0.5 } });
    await writeChosenSweep({ out, runs: [{ row: "a", seed: 1, truth, predicted }] });
    const { presence: scans } = (await summarise(out)).rows[0]!;
    expect(scans!.unit).toBe("scan");
    expect(scans!.interval.low).toBeLessThan(0.4);
  });

  test("folds: scores of the pooled predictions, and the mean over folds", async () => {
    await writeChosenSweep({
      out,
      runs: [
        { row: "a", seed: 1, fold: 0, truth: "+-", predicted: "+-", from: 0 },
        { row: "a", seed: 1, fold: 1, truth: "+-", predicted: "--", from: 2 },
      ],
    });
    const { rows: [row] } = await summarise(out);
    // Folds: 1 and (0 + 2/3)/2 = 1/3. Together: one of four wrong, 11/15.
    expect(row!.presence!.values).toEqual([expect.closeTo(11 / 15, 12)]);
    expect(row!.presence!.overFolds).toEqual({
      folds: 2,
      mean: expect.closeTo(2 / 3, 12),
      standardDeviation: expect.closeTo((2 / 3) / Math.SQRT2, 12),
    });
    expect(row!.presence!.scans).toBe(4);
    await collectSweep({ out });
    expect(await table()).toMatch(/0\.733 ± –.*0\.667 ± 0\.471/);
    expect(await table()).toContain("Cross-validation over 2 folds, scan-level: scans of one patient can be in");
  });

  test("a seed without one of its folds does not count", async () => {
    await writeChosenSweep({
      out,
      runs: [
        { row: "a", seed: 1, fold: 0, truth: "+-", predicted: "+-" },
        { row: "a", seed: 1, fold: 1, truth: "+-" },
      ],
    });
    const { rows: [row] } = await summarise(out);
    expect(row).toMatchObject({ presence: null, seeds: { planned: 1, complete: 0 }, runs: { planned: 2, done: 1 } });
  });

  test("rows that were scored on other scans are not compared", async () => {
    await writeChosenSweep({
      out,
      runs: [
        { row: "a", seed: 1, truth: "++--", predicted: "+---" },
        { row: "b", seed: 1, truth: "++--", predicted: "++--", from: 9 },
      ],
    });
    const { rows: [, row] } = await summarise(out);
    expect(row!.presence).toMatchObject({ mean: 1, difference: null });
  });
});

describe("tables", () => {
  const runs = [
    { row: "base", seed: 1, truth: "++--", predicted: "++--" },
    { row: "base", seed: 2, truth: "++--", predicted: "+---" },
    { row: "λ_0 & 50 %", seed: 1, truth: "++--", predicted: "+---" },
    { row: "λ_0 & 50 %", seed: 2, truth: "++--" },
    { row: "none", seed: 1, truth: "++--" },
    { row: "none", seed: 2, truth: "++--" },
  ];

  test("missing runs are shown as missing, published scores stand beside the own ones", async () => {
    await writeChosenSweep({ out, runs, published: { base: 0.9476 } });
    await collectSweep({ out });
    const text = await table();
    expect(text).toMatch(/\| base \| 2 of 2 \| 0\.867 ± 0\.189 \|.*\| 0\.9476 \| −0\.081 \|/);
    expect(text).toMatch(/\| λ\\_0 &amp; 50 % \| 1 of 2 \(1 run missing\) \| 0\.733 ± – \|/);
    expect(text).toMatch(/\| none \| 0 of 2 \(2 runs missing\) \| – \| – \| – \| – \|/);
    const latex = await Deno.readTextFile(join(out, "table.tex"));
    expect(latex).toContain("$\\lambda$\\_0 \\& 50 \\% & 1 of 2 (1 run missing) & 0.733 $\\pm$ --");
    expect(latex).toMatch(/\\begin\{tabular\}\{@\{\}llr+@\{\}\}\n\\toprule/);
    const cells = latex.split("\n").filter((line) => line.startsWith("none"))[0]!.split(" & ").length;
    expect(cells).toBe(/tabular\}\{@\{\}(l+r+)@/.exec(latex)![1]!.length);
    const [base, , none] = await csv("table.csv");
    expect(Number(base!.presence_f1_mean)).toBeCloseTo(13 / 15, 12);
    expect(Number(base!.presence_minus_published)).toBeCloseTo(13 / 15 - 0.9476, 12);
    expect(none).toMatchObject({ runs_done: "0", presence_f1_mean: "", presence_p: "" });
    expect((await csv("runs.csv")).map(({ status }) => status))
      .toEqual(["done", "done", "done", "missing", "missing", "missing"]);
  });

  test("what was changed or cut after scoring is no result", async () => {
    const { rows: [row] } = await writeChosenSweep({ out, runs });
    const [first, second] = row!.runs.map(({ folder }) => join(out, "runs", folder));
    await Deno.writeTextFile(join(first!, "predictions-test.csv"), "key\n");
    await Deno.writeTextFile(join(second!, "sweep-run.json"), "{");
    await collectSweep({ out });
    const [cut, damaged] = await csv("runs.csv");
    expect(cut).toMatchObject({ status: "unfinished", reason: "predictions-test.csv is not the file that was scored" });
    expect(damaged!.status).toBe("failed");
    expect(damaged!.reason).toMatch(/^damaged: .*sweep-run\.json/);
    expect(await table()).toContain("base | 0 of 2 (1 run failed, 1 run missing)");
    await expect(collectSweep({ out: join(out, "runs") })).rejects.toThrow(/not the folder of a sweep/);
  });

  test("the same folders give the same bytes, and nothing is written twice", async () => {
    await writeChosenSweep({ out, runs });
    const { files } = await collectSweep({ out });
    const all = [...Object.values(files).flat(), files.figures[0]!.replace(".svg", ".csv")];
    const before = await Promise.all(
      all.map(async (file) => [await Deno.readTextFile(file), (await Deno.stat(file)).mtime]),
    );
    await collectSweep({ out });
    const after = await Promise.all(
      all.map(async (file) => [await Deno.readTextFile(file), (await Deno.stat(file)).mtime]),
    );
    expect(after).toEqual(before);
    const elsewhere = join(out, "elsewhere");
    const copy = await collectSweep({ out, to: elsewhere });
    const copied = [...Object.values(copy.files).flat(), copy.files.figures[0]!.replace(".svg", ".csv")];
    expect(await Promise.all(copied.map((file) => Deno.readTextFile(file)))).toEqual(before.map(([text]) => text));
  });

  test("figure: a point a run, the mean and its interval", async () => {
    await writeChosenSweep({ out, runs, published: { base: 0.9476 } });
    const { files: { figures } } = await collectSweep({ out });
    expect(figures).toEqual([join(out, "figures/effect-row.svg")]);
    const rows = await csv("figures/effect-row.csv");
    expect(rows.map(({ value, seed, f1 }) => [value, seed, f1 === "" ? null : Number(f1).toFixed(4)])).toEqual([
      ["base", "1", "1.0000"],
      ["base", "2", "0.7333"],
      ["λ_0 & 50 %", "1", "0.7333"],
      ["none", "", null],
    ]);
    expect(rows[0]).toMatchObject({ task: "presence", published: "0.9476" });
    const svg = await Deno.readTextFile(figures[0]!);
    expect(svg).toContain("no score");
    expect((await Deno.stat(figures[0]!.replace(".svg", ".png"))).size).toBeGreaterThan(1000);
  });

  test("nothing done yet is a table, too", async () => {
    await writeChosenSweep({ out, runs: [{ row: "a", seed: 1, truth: "+-" }] });
    const { files } = await collectSweep({ out });
    expect(files.figures).toEqual([]);
    expect(await table()).toContain("| a | 0 of 1 (1 run missing) |");
  });
});

test("records: a sweep with weights is not taken for records, and is left alone", async () => {
  await writeChosenSweep({ out, runs: [{ row: "a", seed: 1, truth: "+-" }] });
  const weights = join(out, "to/runs/other/checkpoints");
  await Deno.mkdir(weights, { recursive: true });
  await expect(exportRecords({ out, to: join(out, "to") })).rejects.toThrow(/a folder for records only/);
  expect((await Deno.stat(weights)).isDirectory).toBe(true);
});

describe("text", () => {
  test("LaTeX prints what was written", () => {
    expect(escapeLatex("50 % & #1_a {b} $x ~ ^2 \\n <3> | λ=0 ± −1 – ε1 12×48")).toBe(
      "50 \\% \\& \\#1\\_a \\{b\\} \\$x \\textasciitilde{} \\textasciicircum{}2 \\textbackslash{}n $<$3$>$ $|$ " +
        "$\\lambda$=0 $\\pm$ $-$1 -- $\\varepsilon$1 12$\\times$48",
    );
    expect(escapeLatex("two\nlines")).toBe("two lines");
  });

  test("Markdown keeps its cells", () => {
    expect(escapeMarkdown("a|b <c> *d* [e]\nf")).toBe("a\\|b &lt;c> \\*d\\* \\[e\\] f");
  });

  test("numbers", () => {
    expect([signed(0.0123), signed(-0.5), signed(0.0001), signed(-0.0001), signed(NaN)])
      .toEqual(["+0.012", "−0.500", "0.000", "0.000", "–"]);
    expect([pText(1), pText(0.0312), pText(0.0005), pText(NaN)]).toEqual(["1.000", "0.031", "< 0.001", "–"]);
  });
});
