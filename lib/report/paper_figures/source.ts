/** Where a figure of the paper comes from: a formula, a published table, or a committed record. */
import { join } from "node:path";
import { DataError } from "../../errors.ts";
import { type CsvRow, csvRows } from "../csv_record.ts";
import type { Figure } from "../figure.ts";

export interface FigurePlaces {
  /** Folder that holds `figures/` and `data/`: the repository. */
  readonly root: string;
  /** A file of weights for figures that need some. */
  readonly weights?: string;
}

export interface FigureSource {
  /** What it draws, as file names without extension; where the records decide, what the names begin with and "*". */
  readonly names: readonly string[];
  /** Throws `NoRecord` where its record is not there. */
  draw(places: FigurePlaces): Promise<readonly Figure[]>;
}

/** The record that a figure is drawn from is not there: the figure is skipped. */
export class NoRecord extends Error {}

/** Rows of a committed table with these columns. @throws NoRecord; DataError "figures.record" */
export async function readTable(root: string, place: string, columns: readonly string[]): Promise<CsvRow[]> {
  return csvRows(
    await readRecord(root, place),
    columns,
    (problem) => new DataError("figures.record", "a record cannot be drawn", { file: join(root, place), ...problem }),
  );
}

/** The cell as a number. @throws DataError "figures.record" */
export function tableNumber(root: string, place: string, row: CsvRow, column: string): number {
  const text = row[column] ?? "", value = Number(text);
  if (text !== "" && Number.isFinite(value)) return value;
  throw new DataError("figures.record", "a record cannot be drawn", {
    file: join(root, place),
    expected: `a number in column "${column}"`,
    found: `"${text}"`,
  });
}

/** @throws NoRecord */
export async function readRecord(root: string, place: string): Promise<string> {
  try {
    return await Deno.readTextFile(join(root, place));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new NoRecord(`${place} is not there`);
    throw error;
  }
}
