/** What the original paper and others printed (data/published): every number as it stands there. */
import { join } from "node:path";
import { z } from "zod";
import { countRows, publishedCounts } from "../../../data/counts.ts";
import {
  publishedBaselines,
  type PublishedExperiment,
  publishedTable3,
  publishedTestScores,
  readPublished,
} from "../../../data/published.ts";
import { fileExists } from "../../../files.ts";
import { type RowSummary, summarise } from "../../../sweep/collect.ts";
import { table3Effects } from "../../figures/table3_effects.ts";
import { count, fixed, keyPart, type PaperNumber, sizeOf } from "../paper_number.ts";
import { type FamilyInputs, type PaperTable, type RecordFamily, textTable } from "../record_family.ts";

/** Records of `cov3d ablate table3` on COV19-CT-DB, where somebody who has the dataset made them. */
export const table3Records = "data/runs/table3";
const none = "–";

export const publishedFamily: RecordFamily = {
  name: "published",
  place: "data/published",
  command: "these tables are part of the repository: restore data/published with git",
  gives: ["counts", "table3", "challenge", "table3-effects"],
  read: async (root): Promise<FamilyInputs> => {
    const experiments = publishedTable3();
    return {
      numbers: [...factNumbers(), ...countNumbers(), ...experimentNumbers(experiments), ...scoreNumbers()],
      tables: [countTable(), await experimentTable(experiments, root), challengeTable()],
      figures: [{ provenance: "published", figure: table3Effects({ experiments, name: "table3-effects" }) }],
    };
  },
};

const factRow = z.strictObject({ key: z.string().min(1), value: z.string().min(1), source: z.string().min(1) });

/** Single facts that the text cites, as they are printed. */
function factNumbers(): PaperNumber[] {
  return readPublished("facts.csv", factRow).map(({ key, value, source }) => ({
    key: `published.${key}`,
    value,
    source: `data/published/facts.csv: ${source}`,
  }));
}

function countNumbers(): PaperNumber[] {
  return publishedCounts().flatMap(({ split, row, paper, released, source }) => {
    const key = `published.counts.${split}.${row}`;
    const file = `data/published/table${row in { positive: 0, negative: 0, total: 0 } ? 1 : 2}.csv: ${source}`;
    return [
      { key: `${key}.paper`, value: count(paper), source: file },
      ...(released === undefined ? [] : [{ key: `${key}.released`, value: count(released), source: file }]),
    ];
  });
}

function experimentNumbers(experiments: readonly PublishedExperiment[]): PaperNumber[] {
  const source = (id: number) => `data/published/table3.csv, row ${id}`;
  const rows = experiments.flatMap((row) => {
    const values: [string, string | null][] = [
      ["size", sizeOf(row.size)],
      ["lambda", String(row.severityFactor)],
      ["epochs", String(row.epochs)],
      ["epsilon1", String(row.presenceSmoothing)],
      ["epsilon2", String(row.severitySmoothing)],
      ["presence", score(row.presenceF1)],
      ["severity", score(row.severityF1)],
    ];
    return values.flatMap(([name, value]) =>
      value === null ? [] : [{ key: `published.table3.${row.id}.${name}`, value, source: source(row.id) }]
    );
  });
  const all = { key: "published.table3.rows", value: String(experiments.length), source: "data/published/table3.csv" };
  const best = (["presence", "severity"] as const).map((task) => {
    const { id } = experiments.toSorted((a, b) => (b[`${task}F1`] ?? 0) - (a[`${task}F1`] ?? 0))[0]!;
    return { key: `published.table3.best.${task}`, value: String(id), source: source(id) };
  });
  return [all, ...best, ...rows];
}

const score = (value: number | null) => value === null ? null : fixed(value, 4);

function scoreNumbers(): PaperNumber[] {
  const tests = publishedTestScores().flatMap(({ task, printed, scans, place, source }) => {
    const from = `data/published/test_set.csv: ${source}`, key = `published.test.${task}`;
    return [
      { key: `${key}.f1`, value: printed, source: from },
      { key: `${key}.scans`, value: count(scans), source: from },
      { key: `${key}.place`, value: String(place), source: from },
    ];
  });
  const others = publishedBaselines().map(({ method, year, task, split, printed, source }) => ({
    key: `published.scores.${keyPart(method)}.${year}.${task}.${split}`,
    value: printed,
    source: `data/published/baselines.csv: ${source}`,
  }));
  return [...tests, ...others];
}

function countTable(): PaperTable {
  const counts = publishedCounts();
  const text = (split: string, row: string, column: "paper" | "released") => {
    const value = counts.find((entry) => entry.split === split && entry.row === row)?.[column];
    return value === undefined ? none : count(value);
  };
  const rows = countRows.filter((row) => counts.some((entry) => entry.row === row)).map((row) => [
    row,
    ...["train", "validation"].flatMap((split) => [text(split, row, "paper"), text(split, row, "released")]),
    text("test", row, "paper"),
  ]);
  const headings = ["training", "validation"].flatMap((split) => [`${split}|printed`, `${split}|released`]);
  return textTable("counts", "published", ["scans", ...headings, "test|printed"], rows);
}

/** Table 3, and beside it what was reproduced: nothing as long as there are no records of it. */
async function experimentTable(experiments: readonly PublishedExperiment[], root: string): Promise<PaperTable> {
  const folder = join(root, table3Records);
  const own = await fileExists(folder) ? (await summarise(folder)).rows : [];
  const headings = ["row", "size", "reflection", "λ", "epochs", "ε1", "ε2"].concat(
    ["published|presence", "published|severity", "ours|presence", "ours|severity"],
  );
  const rows = experiments.map((row) => [
    ...[String(row.id), sizeOf(row.size), row.reflection ? "yes" : "no"],
    ...[row.severityFactor, row.epochs, row.presenceSmoothing, row.severitySmoothing].map(String),
    ...[score(row.presenceF1) ?? none, score(row.severityF1) ?? none],
    ...(["presence", "severity"] as const).map((task) => reproduced(own, row, task)),
  ]);
  return textTable("table3", "mixed", headings, rows, { left: 3 });
}

function reproduced(own: readonly RowSummary[], row: PublishedExperiment, task: "presence" | "severity"): string {
  if (row[`${task}F1`] === null) return none;
  const scores = own.find(({ label }) => label === `table3/${row.id}`)?.[task];
  return scores === undefined || scores === null ? "not run" : fixed(scores.mean, 4);
}

function challengeTable(): PaperTable {
  const others = publishedBaselines().map(({ method, year, task, split, printed, value, place }) => ({
    ...{ method, year, task, split, value },
    cells: [method, String(year), task, split, asShare(printed, value), place === null ? "" : String(place)],
  }));
  const own = publishedTestScores().map(({ task, printed, value, place }) => ({
    ...{ method: "Cov3d", year: 2022, task, split: "test" as const, value },
    cells: ["Cov3d", "2022", task, "test", asShare(printed, value), String(place)],
  }));
  const rows = [...others, ...own].sort((a, b) =>
    a.year - b.year || a.task.localeCompare(b.task) || b.split.localeCompare(a.split) || b.value - a.value
  );
  return textTable(
    "challenge",
    "published",
    ["method", "year", "task", "split", "macro F1", "place"],
    rows.map(({ cells }) => cells),
    { left: 4 },
  );
}

/** Printed in percent or as a share: here always as a share, with the printed digits. */
function asShare(printed: string, value: number): string {
  const digits = printed.split(".")[1]?.length ?? 0;
  return Number(printed) > 1 ? fixed(value, digits + 2) : printed;
}
