/** Tables for a notebook: plain markup that every notebook page keeps, and aligned text. */
import { type Html, html } from "../report/html.ts";

export type Cell = string | number | boolean | null | undefined;

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly caption?: string;
}

/** A table of records: columns in the order in which they first occur. */
export function tableOf(records: readonly Readonly<Record<string, unknown>>[], caption?: string): Table {
  const head = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return {
    head,
    rows: records.map((record) => head.map((column) => cellOf(record[column]))),
    ...(caption === undefined ? {} : { caption }),
  };
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return JSON.stringify(value);
}

/** Whole numbers as they are, others with four significant digits, nothing as "–". */
export function formatCell(cell: Cell): string {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell !== "number") return String(cell);
  if (Number.isNaN(cell)) return "–";
  return Number.isInteger(cell) ? String(cell) : String(Number(cell.toPrecision(4)));
}

export function tableHtml({ head, rows, caption }: Table): Html {
  const cell = (value: Cell) => {
    const align = typeof value === "number" ? "right" : "left";
    return html`<td align="${align}">${formatCell(value)}</td>`;
  };
  return html`<table>${caption === undefined ? "" : html`<caption>${caption}</caption>`}
<thead><tr>${head.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table>`;
}

export function tableText({ head, rows, caption }: Table): string {
  const lines = [head, ...rows.map((row) => row.map(formatCell))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const numeric = head.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const text = lines.map((line) =>
    line.map((cell, i) => numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ").trimEnd()
  );
  return [...(caption === undefined ? [] : [caption]), ...text].join("\n");
}
