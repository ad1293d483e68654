/** Rows of a committed record that is a CSV file. */
import Papa from "papaparse";

export type CsvRow = Readonly<Record<string, string>>;

/** At least one row with at least these columns; else the error that `refuse` makes of what was expected and found. */
export function csvRows(
  text: string,
  columns: readonly string[],
  refuse: (problem: { readonly expected: string; readonly found: string }) => Error,
): CsvRow[] {
  const { data, meta: { fields = [] } } = Papa.parse<CsvRow>(text, { header: true, skipEmptyLines: true });
  const lacking = columns.filter((column) => !fields.includes(column));
  if (lacking.length === 0 && data.length > 0) return data;
  throw refuse({
    expected: `rows with the columns ${columns.join(", ")}`,
    found: data.length === 0 ? "no rows" : `no column ${lacking.join(", ")}`,
  });
}
