/** The experiment on public CT scans (figures/sars): the kit beside a plain PyTorch script. */
import { join } from "node:path";
import { RunError } from "../../../errors.ts";
import type { CsvRow } from "../../csv_record.ts";
import { fixed, type PaperNumber, signed } from "../paper_number.ts";
import { type FamilyInputs, type PaperTable, readRecord, type RecordFamily, textTable } from "../record_family.ts";
import { cell, readCsv } from "./csv.ts";

const place = "figures/sars";
const scoresFile = `${place}/scores.csv`;

export const sarsFamily: RecordFamily = {
  name: "sars",
  place,
  command: "deno run -A test/experiments/sars/main.ts (needs the scans that data/README.md names)",
  gives: ["sars"],
  read: async (root): Promise<FamilyInputs> => {
    const rows = await readCsv(sarsFamily, root, scoresFile, ["model", "macro_f1", "auc_high"]);
    const predictions = await readCsv(sarsFamily, root, `${place}/predictions.csv`, ["scan", "truth", "fold", "seed"]);
    const summary = await readRecord(sarsFamily, root, `${place}/README.md`);
    return {
      numbers: [...rows.flatMap(scoreNumbers), ...designNumbers(predictions), ...summaryNumbers(root, summary)],
      tables: [scoreTable(rows)],
      figures: [],
    };
  },
};

/** Short names of the models, for keys. */
function modelKey(model: string): string {
  if (model.includes("kit")) return "kit";
  if (model.includes("PyTorch")) return "pytorch";
  return model.startsWith("capture") ? "capture" : "sampled";
}

const scoreNames = { f1: "macro_f1", auc: "auc", accuracy: "accuracy" } as const;

function scoreNumbers(row: CsvRow): PaperNumber[] {
  return Object.entries(scoreNames).flatMap(([name, column]) =>
    ["", "_low", "_high"].map((part) => ({
      key: `sars.${modelKey(row.model!)}.${name}${part.replace("_", ".")}`,
      value: fixed(cell(row, column + part, scoresFile)),
      source: `${scoresFile}: ${row.model}, ${column}${part}`,
    }))
  );
}

function designNumbers(predictions: readonly CsvRow[]): PaperNumber[] {
  const source = `${place}/predictions.csv`;
  const truth = new Map(predictions.map((row) => [row.scan!, row.truth!]));
  const distinct = (column: string) => new Set(predictions.map((row) => row[column])).size;
  return [
    { key: "sars.scans", value: String(truth.size), source },
    { key: "sars.positive", value: String([...truth.values()].filter((label) => label === "1").length), source },
    { key: "sars.folds", value: String(distinct("fold")), source },
  ];
}

/** What only the experiment's summary says; it is written by the experiment, like the tables beside it. */
function summaryNumbers(root: string, summary: string): PaperNumber[] {
  const file = `${place}/README.md`;
  const find = (what: string, pattern: RegExp): string[] => {
    const match = pattern.exec(summary.replaceAll(/\s+/g, " "));
    if (match !== null) return match.slice(1);
    throw new RunError("paper.record", `the summary does not say ${what}`, {
      file: join(root, file),
      hint: `Make it again: ${sarsFamily.command}`,
    });
  };
  const [patients] = find("how many patients there are", /scans of (\d+) patients/);
  const difference = find(
    "how the kit and PyTorch differ",
    /minus PyTorch's[^:]*: ([+−-]?[\d.]+) \(([+−-]?[\d.]+) … ([+−-]?[\d.]+)\)/,
  );
  return [
    { key: "sars.patients", value: patients!, source: file },
    ...["", ".low", ".high"].map((part, i) => ({
      key: `sars.difference${part}`,
      value: signed(Number(difference[i]!.replace("−", "-"))),
      source: file,
    })),
  ];
}

function scoreTable(rows: readonly CsvRow[]): PaperTable {
  const interval = (row: CsvRow, column: string) => [
    fixed(cell(row, column, scoresFile)),
    `${fixed(cell(row, `${column}_low`, scoresFile))} – ${fixed(cell(row, `${column}_high`, scoresFile))}`,
  ];
  const headings = ["model", "macro F1|value", "macro F1|95 % interval", "AUC|value", "AUC|95 % interval"];
  return textTable(
    "sars",
    "ours",
    headings,
    rows.map((row) => [row.model!, ...interval(row, "macro_f1"), ...interval(row, "auc")]),
  );
}
