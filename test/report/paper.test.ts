/** The paper's inputs follow its records, and its text holds no number without one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { lintText } from "../../lib/report/paper/lint.ts";
import { type PaperInputs, paperInputs, requireNoProblems } from "../../lib/report/paper/inputs.ts";
import { keyPart, numbersTex, numberTex, signed } from "../../lib/report/paper/paper_number.ts";
import { addRun } from "../../lib/report/paper/add_run.ts";
import { demoFolder, makePaperRoot, writeSweepRun } from "./paper_support.ts";

let root: string, first: PaperInputs;
const wasm1 = { engine: "wasm", seed: 1, shuffled: false } as const;
const generated = (name: string) => Deno.readTextFile(join(root, "paper/generated", name));
const bytes = async (name: string) => (await Deno.readFile(join(root, "paper/generated", name))).toString();
const changedFiles = ({ files }: PaperInputs) =>
  Object.keys(files).filter((name) => files[name] !== "unchanged").sort();

beforeAll(async () => {
  root = await Deno.makeTempDir({ prefix: "cov3d-paper-" });
  await makePaperRoot(root);
  first = await paperInputs({ root });
}, 120_000);
afterAll(() => Deno.remove(root, { recursive: true }));

describe("the committed text", () => {
  test("has no problem with records in the layout of the committed ones", () => {
    expect(first.problems).toEqual([]);
    expect(() => requireNoProblems(first)).not.toThrow();
  });

  test("every number names its record", async () => {
    expect(first.numbers.filter(({ source }) => source.trim() === "")).toEqual([]);
    expect(await generated("numbers.csv")).toContain("published.table3.1.presence,0.9476,");
    expect(await generated("numbers.tex")).toContain("\\csname paper@published.table3.1.presence\\endcsname{0.9476}");
  });

  test("published and own scores stand in columns of their own, and what was not run says so", async () => {
    const table = await generated("table3.tex");
    expect(table).toContain("\\multicolumn{2}{c}{published} & \\multicolumn{2}{c}{ours}");
    expect(table.match(/not run/g)?.length).toBe(28 * 2 - 6); // 6 cells have no published score either
  });
});

describe("a record changes", () => {
  const evaluation = () => join(demoFolder(root, wasm1), "evaluation-test.json");

  test("its numbers, its table and its figures change, and nothing else", async () => {
    const before = await Deno.readTextFile(evaluation()), roc = await bytes("demo-roc.pdf");
    const record = JSON.parse(before);
    record.presence.macroF1.value = 0.123456;
    record.presence.auc.value = 0.234567;
    record.presence.confusion[0][0] += 1;
    await Deno.writeTextFile(evaluation(), JSON.stringify(record));
    const second = await paperInputs({ root });
    expect(second.problems).toEqual([]);
    expect(changedFiles(second)).toEqual([
      ...["demo-confusion.csv", "demo-confusion.pdf", "demo-roc.pdf", "demo.tex", "numbers.csv", "numbers.tex"],
    ]);
    expect(await generated("demo.tex")).toContain("0.123");
    expect(await generated("numbers.csv")).toContain("demo.wasm.seed1.presence.f1,0.123,data/runs/demo/wasm-seed1/");
    expect(await bytes("demo-roc.pdf")).not.toBe(roc);
    await Deno.writeTextFile(evaluation(), before);
    expect((await paperInputs({ root, check: true })).problems.join()).toContain("generated/demo.tex: not what");
    await paperInputs({ root });
    expect(await bytes("demo-roc.pdf")).toBe(roc);
    expect(changedFiles(await paperInputs({ root, check: true }))).toEqual([]);
  }, 120_000);

  test("a run of the ablation", async () => {
    await writeSweepRun(join(root, "data/runs/phantom-ablation/runs/row1-seed2-0123456789"), 2);
    const second = await paperInputs({ root });
    expect(changedFiles(second)).toEqual([
      ...["ablation-effects.csv", "ablation-effects.pdf", "ablation-presence.tex", "ablation-severity.tex"],
      ...["numbers.csv", "numbers.tex"],
    ]);
  }, 120_000);
});

describe("a record is missing", () => {
  test("the error names the key, the file and the command", async () => {
    const folder = demoFolder(root, { engine: "tensorflow", seed: 1, shuffled: true });
    await Deno.rename(folder, join(root, "aside"));
    const { problems } = await paperInputs({ root, check: true });
    expect(problems.find((text) => text.includes('"demo.tensorflow.seed1.shuffled.presence.f1"'))).toMatch(
      /^sections\/results\.tex:\d+: no record holds the number .*data\/runs\/demo .*deno task demo --seed/,
    );
    await Deno.rename(join(root, "aside"), folder);

    await Deno.remove(join(folder, "evaluation-test.json"));
    const again = await paperInputs({ root, check: true });
    expect(
      again.problems.some((text) =>
        text.includes('"demo.size"') && text.includes("data/runs/demo/tensorflow-seed1-shuffled/evaluation-test.json")
      ),
    ).toBe(true);
    expect(again.problems.some((text) => text.includes("generated/demo is not made from any record"))).toBe(true);
    expect(() => requireNoProblems(again)).toThrow(/the paper has \d+ problems/);
  }, 120_000);

  test("an incomplete row of the ablation is no row", async () => {
    await Deno.remove(join(root, "data/runs/phantom-ablation/runs/row2-seed3-0123456789"), { recursive: true });
    const { problems } = await paperInputs({ root, check: true });
    expect(problems.find((text) => text.includes('"ablation.rows"'))).toMatch(
      /a row of the ablation is not complete: λ=0.9.*expected 3 seeds.*cov3d ablate phantom/,
    );
  }, 60_000);
});

describe("the text's rule", () => {
  const lint = (text: string, names: string[] = []) =>
    lintText({
      files: [{ file: "main.tex", text }],
      keys: new Set(["a.b"]),
      names,
      generated: new Map([["scores", "ours"]]),
    }).map(({ line, message }) => `${line}: ${message}`);

  test.each([
    ["typed", "reaches 0.95 of it"],
    ["in mathematics", "reaches $0.95$ or \\(3\\)"],
    ["a decimal in a definition", "\\begin{equation}x = 0.5\\end{equation}"],
    ["two digits in a definition", "\\defmath{12x}"],
    ["a word", "seventeen scans"],
    ["a compound word", "Twenty-eight rows"],
    ["a macro of its own", "\\newcommand{\\x}{42}"],
    ["in braces behind a command", "\\cite{he2016}{42} \\url{https://a.b}"],
    ["in the text of a link", "\\href{https://a.b/1}{42}"],
    ["in a caption", "\\caption{\\ours 40 scans}"],
    ["part of a longer name", "COVID-195"],
  ])("refuses a number: %s", (_, text) => {
    expect(lint(text, text.includes("COVID") ? ["COVID-19"] : []).join()).toContain("a number without a record");
  });

  test.each([
    ["a key", "\\num{a.b}"],
    ["references", "Table~\\ref{tab:1}, \\cite{smith2018,he2016} \\label{eq:2}"],
    ["a comment", "text % 42\nmore"],
    [
      "structure of a definition",
      "\\begin{align}1-\\varepsilon_1, \\frac{\\varepsilon}{2}\\end{align} \\defmath{W_{i1}}",
    ],
    ["small words", "two tasks, ten fingers, one; of ten"],
    ["parameters of macros", "\\newcommand{\\x}[2]{#1 and #2}"],
    ["layout", "\\includegraphics[width=0.9\\textwidth]{x} \\\\[2pt] \\setlength{\\y}{3pt}"],
  ])("allows %s", (_, text) => {
    expect(lint(text)).toEqual([]);
  });

  test("a name with its reason, also over a line's end", () => {
    expect(lint("COVID-19 and Table 3\n", ["COVID-19", "Table 3"])).toEqual([]);
    expect(lint("nothing", ["COVID-19"])).toEqual(['1: "COVID-19" is nowhere in the text: remove it']);
  });

  test("an escaped percent sign begins no comment", () => {
    expect(lint("5\\% and 6")).toHaveLength(2);
  });

  test("an unknown key", () => {
    expect(lint("\n\\num{a.c}")).toEqual(['2: no record holds the number "a.c"']);
  });

  test("a caption says whose numbers it shows", () => {
    const table = (caption: string) =>
      `\\begin{table}\\caption{${caption}}\\includetable{generated/scores}\\end{table}`;
    expect(lint(table("\\ours Scores."))).toEqual([]);
    expect(lint(table("\\published Scores.")).join()).toContain("has to begin with \\ours");
    expect(lint(table("Scores.")).join()).toContain("has to begin with \\ours");
    expect(lint("\\includetable{generated/other}").join()).toContain("not made from any record");
  });
});

test("numbers in LaTeX", () => {
  expect(numberTex("1e-5")).toBe("\\ensuremath{10^{-5}}");
  expect(numberTex("2.5e-3")).toBe("\\ensuremath{2.5\\cdot 10^{-3}}");
  expect(numberTex("−0.016")).toBe("\\ensuremath{-}0.016");
  expect(numberTex("58 %")).toBe("58\\,\\%");
  expect(signed(-0.0001)).toBe("0.000");
  expect(keyPart("superset rule=code2022")).toBe("superset-rule-code2022");
  expect(keyPart("λ=0.1")).toBe("lambda-0.1");
  expect(numbersTex([])).toContain("\\errmessage{no record holds the number #1}");
});

test("records of a run: no weights, no places, and the same numbers", async () => {
  const run = await Deno.makeTempDir({ prefix: "cov3d-paper-run-" });
  await Deno.mkdir(join(run, "checkpoints"));
  const from = demoFolder(root, wasm1);
  for (const name of ["config.json", "evaluation-test.json", "metrics.jsonl"]) {
    await Deno.copyFile(join(from, name), join(run, name));
  }
  const evaluation = JSON.parse(await Deno.readTextFile(join(run, "evaluation-test.json")));
  await Deno.writeTextFile(
    join(run, "evaluation-test.json"),
    JSON.stringify({ ...evaluation, run, dataset: "/home/somebody/data" }),
  );
  await Deno.writeTextFile(
    join(run, "environment.json"),
    JSON.stringify({ sessions: [{ system: { host: "secret" } }] }),
  );
  await Deno.writeTextFile(
    join(run, "predictions-test.csv"),
    "key,scan,folder,patient\ntest/a,a,/home/somebody/a,P7\n",
  );
  const other = await Deno.makeTempDir({ prefix: "cov3d-paper-to-" });
  const target = await addRun({ run, root: other });
  expect(target).toBe(join(other, "data/runs/demo/wasm-seed1"));
  const names = (await Array.fromAsync(Deno.readDir(target))).map(({ name }) => name).sort();
  expect(names).toEqual([
    "config.json",
    "environment.json",
    "evaluation-test.json",
    "metrics.jsonl",
    "predictions-test.csv",
  ]);
  const all = (await Promise.all(names.map((name) => Deno.readTextFile(join(target, name))))).join();
  expect(all).not.toMatch(/somebody|secret|P7|\/tmp/);
  expect(JSON.parse(await Deno.readTextFile(join(target, "evaluation-test.json"))).presence).toEqual(
    evaluation.presence,
  );
  await Deno.remove(join(run, "evaluation-test.json"));
  await expect(addRun({ run, root: other })).rejects.toThrow(/not evaluated on held-out scans.*evaluation-test\.json/);
  await Promise.all([run, other].map((folder) => Deno.remove(folder, { recursive: true })));
});
