/** Whether saliency maps point at lesions (figures/saliency). */
import { join } from "node:path";
import type { CsvRow } from "../../csv_record.ts";
import type { Figure } from "../../figure.ts";
import { saliencyFigure } from "../../figures/saliency.ts";
import { readSaliencyMontage } from "../../paper_figures/saliency_montage.ts";
import { fixed, keyPart, type PaperNumber } from "../paper_number.ts";
import { type FamilyInputs, type PaperTable, readRecord, type RecordFamily, textTable } from "../record_family.ts";
import { cell, readCsv } from "./csv.ts";

const place = "figures/saliency";
const file = `${place}/lesion-ratio.csv`;
const columns = ["seed", "presence_f1", "method", "layer", "scans", "trained", "random", "ceiling"];
const names: Readonly<Record<string, string>> = { gradcam: "Grad-CAM", layercam: "LayerCAM", hirescam: "HiResCAM" };

export const saliencyFamily: RecordFamily = {
  name: "saliency",
  place,
  command: "deno run -A test/experiments/saliency/main.ts --recipe demo --work DIR --out figures/saliency",
  gives: ["saliency", "saliency-montage"],
  read: async (root): Promise<FamilyInputs> => {
    const rows = await readCsv(saliencyFamily, root, file, columns);
    return {
      numbers: numbersOf(rows),
      tables: [ratioTable(rows)],
      figures: [{ provenance: "ours", figure: await montage(root) }],
    };
  },
};

/** The first scan of the committed montage, as large as a page's width allows. */
async function montage(root: string): Promise<Figure> {
  await readRecord(saliencyFamily, root, join(place, "montage.svg"));
  await readRecord(saliencyFamily, root, join(place, "montage.csv"));
  const { items, what } = await readSaliencyMontage(root);
  const shown = items.slice(0, 1).map((item) => ({ ...item, pictures: item.pictures.slice(0, 4) }));
  return { ...saliencyFigure({ items: shown, what }), name: "saliency-montage" };
}

function numbersOf(rows: readonly CsvRow[]): PaperNumber[] {
  const largest = (column: string) => Math.max(...rows.map((row) => cell(row, column, file)));
  return [
    { key: "saliency.scans", value: String(largest("scans")), source: `${file}: scans` },
    { key: "saliency.best.trained", value: fixed(largest("trained"), 2), source: `${file}: largest of trained` },
    {
      key: "saliency.least.trained",
      value: fixed(Math.min(...rows.map((row) => cell(row, "trained", file))), 2),
      source: `${file}: least of trained`,
    },
    { key: "saliency.best.random", value: fixed(largest("random"), 2), source: `${file}: largest of random` },
    { key: "saliency.ceiling", value: fixed(largest("ceiling"), 1), source: `${file}: largest of ceiling` },
    ...rows.flatMap((row) =>
      (["trained", "random"] as const).flatMap((weights) =>
        ["", "_low", "_high"].map((part) => ({
          key: `saliency.seed${row.seed}.${keyPart(row.method!)}.${row.layer}.${weights}${part.replace("_", ".")}`,
          value: fixed(cell(row, weights + part, file), 2),
          source: `${file}: seed ${row.seed}, ${row.method}, ${row.layer}`,
        }))
      )
    ),
  ];
}

function ratioTable(rows: readonly CsvRow[]): PaperTable {
  const interval = (row: CsvRow, column: string) => [
    fixed(cell(row, column, file), 2),
    `${fixed(cell(row, `${column}_low`, file), 2)} – ${fixed(cell(row, `${column}_high`, file), 2)}`,
  ];
  const headings = ["seed", "map", "layer"].concat(
    ["trained|ratio", "trained|95 % interval", "random weights|ratio", "random weights|95 % interval"],
  );
  const cells = rows.map((row) => [
    ...[row.seed!, names[row.method!] ?? row.method!, row.layer!],
    ...interval(row, "trained"),
    ...interval(row, "random"),
  ]);
  return textTable("saliency", "ours", headings, cells, { left: 3 });
}
