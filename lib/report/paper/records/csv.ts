/** Records that are CSV files. */
import { join } from "node:path";
import { RunError } from "../../../errors.ts";
import { type CsvRow, csvRows } from "../../csv_record.ts";
import { readRecord, type RecordFamily } from "../record_family.ts";

/** @throws RunError "paper.record" where the file is missing, has no rows or lacks one of the columns */
export async function readCsv(
  family: Pick<RecordFamily, "command">,
  root: string,
  place: string,
  columns: readonly string[],
): Promise<CsvRow[]> {
  return csvRows(
    await readRecord(family, root, place),
    columns,
    (problem) =>
      new RunError("paper.record", "a record of the paper cannot be used", {
        file: join(root, place),
        ...problem,
        hint: `Make it again: ${family.command}`,
      }),
  );
}

/** The cell as a number. @throws RunError "paper.record" */
export function cell(row: CsvRow, column: string, place: string): number {
  const text = row[column] ?? "";
  const value = Number(text);
  if (text !== "" && Number.isFinite(value)) return value;
  throw new RunError("paper.record", `column "${column}" is not a number`, { file: place, found: `"${text}"` });
}
