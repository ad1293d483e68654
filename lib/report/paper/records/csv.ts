/** Records that are CSV files. */
import { join } from "node:path";
import Papa from "papaparse";
import { RunError } from "../../../errors.ts";
import { readRecord, type RecordFamily } from "../record_family.ts";

export type CsvRow = Readonly<Record<string, string>>;

/** @throws RunError "paper.record" where the file is missing, has no rows or lacks one of the columns */
export async function readCsv(
  family: Pick<RecordFamily, "command">,
  root: string,
  place: string,
  columns: readonly string[],
): Promise<CsvRow[]> {
  const text = await readRecord(family, root, place);
  const { data, meta: { fields = [] } } = Papa.parse<CsvRow>(text.trim(), { header: true });
  const lacking = columns.filter((column) => !fields.includes(column));
  if (lacking.length === 0 && data.length > 0) return data;
  throw new RunError("paper.record", "a record of the paper cannot be used", {
    file: join(root, place),
    expected: `rows with the columns ${columns.join(", ")}`,
    found: data.length === 0 ? "no rows" : `no column ${lacking.join(", ")}`,
    hint: `Make it again: ${family.command}`,
  });
}

/** The cell as a number. @throws RunError "paper.record" */
export function cell(row: CsvRow, column: string, place: string): number {
  const text = row[column] ?? "";
  const value = Number(text);
  if (text !== "" && Number.isFinite(value)) return value;
  throw new RunError("paper.record", `column "${column}" is not a number`, { file: place, found: `"${text}"` });
}
