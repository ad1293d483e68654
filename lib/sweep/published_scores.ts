/** Published scores that a plan's rows are set against, from the CSV that the plan names. */
import { isAbsolute, join } from "node:path";
import Papa from "papaparse";
import { ConfigError, DataError } from "../errors.ts";
import type { Plan } from "./plan_file.ts";

/** Macro F1; null where nothing was published. */
export interface PublishedF1 {
  readonly presence: number | null;
  readonly severity: number | null;
}

/** By the key column's text. @throws ConfigError "plan.published"; DataError "published.unreadable" */
export async function readPublished(plan: Plan): Promise<ReadonlyMap<string, PublishedF1>> {
  if (plan.published === undefined) return new Map();
  const { file: given, key, presence, severity } = plan.published;
  const file = isAbsolute(given) ? given : join(plan.folder, given);
  const { data, meta: { fields = [] } } = Papa.parse<Record<string, string>>(await readText(file), {
    header: true,
    skipEmptyLines: true,
  });
  for (const column of [key, presence, severity]) {
    if (column === undefined || fields.includes(column)) continue;
    throw new ConfigError("plan.published", `there is no column "${column}"`, { file, expected: fields.join(", ") });
  }
  const cell = (row: Record<string, string>, column: string | undefined): number | null => {
    const text = column === undefined ? "" : row[column]!.trim();
    const value = Number(text);
    if (text === "") return null;
    if (Number.isFinite(value)) return value;
    throw new DataError("published.unreadable", `column "${column}" is not a number`, { file, found: text });
  };
  return new Map(data.map((row) => [
    row[key]!.trim(),
    { presence: cell(row, presence), severity: cell(row, severity) },
  ]));
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new DataError("published.unreadable", "the published table cannot be read", { file, cause });
  }
}
