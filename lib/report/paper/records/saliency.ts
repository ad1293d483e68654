/** Whether saliency maps point at lesions (figures/saliency): the demo's networks, and one that sees little at a time. */
import { join } from "node:path";
import type { CsvRow } from "../../csv_record.ts";
import type { Figure } from "../../figure.ts";
import { saliencyFigure } from "../../figures/saliency.ts";
import { firstScans, montageFiles } from "../../paper_figures/saliency_montage.ts";
import { ratioColumns, ratioFile, type SaliencyRecord, saliencyRecords } from "../../saliency_records.ts";
import { fixed, keyPart, type PaperNumber } from "../paper_number.ts";
import { type FamilyInputs, type PaperTable, type RecordFamily, requireRecord, textTable } from "../record_family.ts";
import { cell, readCsv } from "./csv.ts";

const names: Readonly<Record<string, string>> = { gradcam: "Grad-CAM", layercam: "LayerCAM", hirescam: "HiResCAM" };

/** A recipe's table of lesion ratios. */
interface Ratios {
  readonly record: SaliencyRecord;
  readonly rows: readonly CsvRow[];
}

export const saliencyFamily: RecordFamily = {
  name: "saliency",
  place: "figures/saliency",
  command: saliencyRecords.map(({ command }) => command).join(" && "),
  gives: ["saliency", "saliency-montage"],
  read: async (root): Promise<FamilyInputs> => {
    const all = await Promise.all(saliencyRecords.map(async (record): Promise<Ratios> => {
      return { record, rows: await readCsv(record, root, ratioFile(record), columnsOf(record)) };
    }));
    return {
      numbers: all.flatMap(numbersOf),
      tables: [ratioTable(all)],
      figures: [{ provenance: "ours", figure: await montage(root) }],
    };
  },
};

/** Settled networks were measured beside fresh ones, and beside what grey levels alone tell. */
function columnsOf(record: SaliencyRecord): string[] {
  return [...ratioColumns(record), ...(record.control === "settled" ? ["random", "trivial_f1"] : [])];
}

/** The first scan of each committed montage, as large as a page's width allows. */
async function montage(root: string): Promise<Figure> {
  for (const record of saliencyRecords) {
    const { table, drawing } = montageFiles(record);
    for (const file of [drawing, table]) await requireRecord(record, join(root, file));
  }
  return { ...saliencyFigure(await firstScans(root, 4)), name: "saliency-montage" };
}

/** Keys of the demo's recipe are the shorter ones. */
function numbersOf({ record, rows }: Ratios): PaperNumber[] {
  const file = ratioFile(record), prefix = record.recipe === "demo" ? "saliency" : `saliency.${record.recipe}`;
  const extreme = (which: "best" | "least", column: string): PaperNumber => ({
    key: `${prefix}.${which}.${keyPart(column)}`,
    value: fixed(Math[which === "best" ? "max" : "min"](...rows.map((row) => cell(row, column, file))), 2),
    source: `${file}: ${which === "best" ? "largest" : "least"} of ${column}`,
  });
  const largest = (column: string) => Math.max(...rows.map((row) => cell(row, column, file)));
  const settled = record.control === "settled";
  return [
    { key: `${prefix}.scans`, value: String(largest("scans")), source: `${file}: scans` },
    extreme("best", "trained"),
    extreme("least", "trained"),
    extreme("best", record.control),
    { key: `${prefix}.ceiling`, value: fixed(largest("ceiling"), 1), source: `${file}: largest of ceiling` },
    extreme("least", "presence_f1"),
    ...(settled ? [extreme("least", "trivial_f1"), seedsOf(rows, prefix, file)] : []),
    ...rows.flatMap((row) =>
      (settled ? ["trained", "random", "settled"] : ["trained", "random"]).flatMap((weights) =>
        ["", "_low", "_high"].map((part) => ({
          key: `${prefix}.seed${row.seed}.${keyPart(row.method!)}.${row.layer}.${weights}${part.replace("_", ".")}`,
          value: fixed(cell(row, weights + part, file), 2),
          source: `${file}: seed ${row.seed}, ${row.method}, ${row.layer}`,
        }))
      )
    ),
  ];
}

function seedsOf(rows: readonly CsvRow[], prefix: string, file: string): PaperNumber {
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  return { key: `${prefix}.seeds`, value: String(seeds), source: `${file}: seed` };
}

function ratioTable(all: readonly Ratios[]): PaperTable {
  const headings = ["recipe", "seed", "map", "layer"].concat(
    ["trained|ratio", "trained|95 % interval", "random weights|ratio", "random weights|95 % interval"],
  );
  const cells = all.flatMap(({ record, rows }) => {
    const file = ratioFile(record);
    const interval = (row: CsvRow, column: string) => [
      fixed(cell(row, column, file), 2),
      `${fixed(cell(row, `${column}_low`, file), 2)} – ${fixed(cell(row, `${column}_high`, file), 2)}`,
    ];
    return rows.map((row) => [
      ...[record.recipe, row.seed!, names[row.method!] ?? row.method!, row.layer!],
      ...interval(row, "trained"),
      ...interval(row, record.control),
    ]);
  });
  return textTable("saliency", "ours", headings, cells, { left: 4 });
}
