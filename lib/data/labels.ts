/** The CSV files beside the scans: severity categories `Name;Category` and patients `scan;patient`. */
import Papa from "papaparse";
import { DataError } from "../errors.ts";
import { severities, type Severity } from "./types.ts";

/** Severity of each scan folder name that the file lists (line numbers for later messages). */
export type Categories = Map<string, { readonly severity: Exclude<Severity, "undefined">; readonly line: number }>;

/**
 * Reads `Name;Category` (1 mild, 2 moderate, 3 severe, 4 critical); `;` or `,`, byte-order mark, CRLF and quotes are
 * all fine.
 * @throws DataError "csv-unreadable" | "csv-header" | "csv-row" | "csv-category" | "csv-duplicate"
 */
export async function readCategories(file: string): Promise<Categories> {
  const categories: Categories = new Map();
  for (const { line, values: [name, category] } of await readRows(file, ["Name", "Category"])) {
    const digit = /^([1-4])(?:\.0+)?$/.exec(category!)?.[1];
    if (digit === undefined) {
      throw new DataError("csv-category", `unknown severity category in line ${line}`, {
        file,
        expected: "1 (mild), 2 (moderate), 3 (severe) or 4 (critical)",
        found: JSON.stringify(category),
      });
    }
    if (categories.has(name!)) throw duplicate(file, name!, categories.get(name!)!.line, line);
    categories.set(name!, { severity: severities[Number(digit) - 1]!, line });
  }
  return categories;
}

/**
 * Reads `scan;patient` (further columns are ignored); `scan` is a folder name or a scan's whole key.
 * @throws DataError as `readCategories`
 */
export async function readPatients(file: string): Promise<Map<string, string>> {
  const patients = new Map<string, string>(), lines = new Map<string, number>();
  for (const { line, values: [scan, patient] } of await readRows(file, ["scan", "patient"])) {
    if (patients.has(scan!)) throw duplicate(file, scan!, lines.get(scan!)!, line);
    patients.set(scan!, patient!);
    lines.set(scan!, line);
  }
  return patients;
}

interface Row {
  readonly line: number;
  readonly values: readonly string[];
}

/**
 * The named columns of a CSV file with a header line; names match without regard to case. Every row has a value in each
 * of `columns`; the values of `optional` follow them, "" where there is none.
 * @throws DataError "csv-unreadable" | "csv-header" | "csv-row"
 */
export async function readRows(
  file: string,
  columns: readonly string[],
  optional: readonly string[] = [],
): Promise<Row[]> {
  const text = await readText(file);
  const { data } = Papa.parse<string[]>(text, { delimiter: text.split("\n", 1)[0]!.includes(";") ? ";" : "," });
  const header = (data[0] ?? []).map((cell) => cell.trim());
  const placeOf = (column: string) => header.findIndex((cell) => cell.toLowerCase() === column.toLowerCase());
  const places = columns.map(placeOf);
  if (places.includes(-1)) {
    throw new DataError("csv-header", "wrong header line", {
      file,
      expected: columns.join(";"),
      found: text.trim() === "" ? "an empty file" : JSON.stringify(header.join(";")),
    });
  }
  const rows: Row[] = [];
  data.slice(1).forEach((cells, index) => {
    if (cells.every((cell) => cell.trim() === "")) return;
    const values = places.map((place) => cells[place]?.trim() ?? ""), line = index + 2;
    if (values.some((value) => value === "")) {
      throw new DataError("csv-row", `line ${line} is not complete`, {
        file,
        expected: columns.join(" and "),
        found: JSON.stringify(cells.join(";")),
      });
    }
    rows.push({ line, values: [...values, ...optional.map((column) => cells[placeOf(column)]?.trim() ?? "")] });
  });
  return rows;
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file)); // drops a byte-order mark
  } catch (cause) {
    const notText = cause instanceof TypeError;
    throw new DataError("csv-unreadable", notText ? "the CSV is not UTF-8 text" : "the CSV cannot be read", {
      file,
      ...(notText ? {} : { found: (cause as Error).message }),
      cause,
    });
  }
}

function duplicate(file: string, name: string, first: number, second: number): DataError {
  return new DataError("csv-duplicate", `"${name}" is listed twice (lines ${first} and ${second})`, { file });
}
