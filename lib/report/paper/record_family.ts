/** A family of records: what a kind of run or table gives the paper, read from its files and from nothing else. */
import { join } from "node:path";
import { RunError } from "../../errors.ts";
import { fileExists } from "../../files.ts";
import type { SummaryTable } from "../../sweep/summary_table.ts";
import type { Figure } from "../figure.ts";
import type { PaperNumber } from "./paper_number.ts";

/** Where the numbers of a table or figure come from; its caption has to say it with the macro of this name. */
export const provenances = ["published", "ours", "computed", "mixed"] as const;
export type Provenance = typeof provenances[number];

export interface PaperTable {
  /** File name in paper/generated, without extension. */
  readonly name: string;
  readonly provenance: Provenance;
  readonly table: SummaryTable;
}

export interface PaperFigure {
  readonly provenance: Provenance;
  /** Its name is that of the file in paper/generated. */
  readonly figure: Figure;
}

export interface FamilyInputs {
  readonly numbers: readonly PaperNumber[];
  readonly tables: readonly PaperTable[];
  readonly figures: readonly PaperFigure[];
}

export interface RecordFamily {
  /** First part of the keys of its numbers. */
  readonly name: string;
  /** Folder or file of the records, relative to the repository. */
  readonly place: string;
  /** What makes the records. */
  readonly command: string;
  /** Names of the tables and figures that it gives, so that a missing one can be traced to its records. */
  readonly gives: readonly string[];
  /** @throws Cov3dError where a record is missing or damaged, with its file */
  read(root: string): Promise<FamilyInputs>;
}

/** @throws RunError "paper.record" naming the file and the command that makes it */
export async function requireRecord(family: Pick<RecordFamily, "command">, file: string): Promise<void> {
  if (await fileExists(file)) return;
  throw new RunError("paper.record", "a record of the paper is missing", { file, hint: `Make it: ${family.command}` });
}

/** Text of a record. @throws RunError "paper.record" */
export async function readRecord(family: Pick<RecordFamily, "command">, root: string, place: string): Promise<string> {
  const file = join(root, place);
  await requireRecord(family, file);
  return await Deno.readTextFile(file);
}

/** A table of text: headings ("group|heading" puts a heading above several) and rows; the first column is left-aligned. */
export function textTable(
  name: string,
  provenance: Provenance,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { left = 1 }: { readonly left?: number } = {},
): PaperTable {
  const columns = headings.map((text, i) => {
    const [group, heading] = text.includes("|") ? text.split("|") as [string, string] : ["", text];
    return { group, heading, align: i < left ? "left" as const : "right" as const };
  });
  return { name, provenance, table: { title: name, columns, rows, notes: [] } };
}
