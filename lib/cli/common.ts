/** Shared by all commands: printing, `--json`, exit codes. Progress and logs go to stderr, results to stdout. */
import { dirname, resolve } from "node:path";
import { ConfigError, Cov3dError } from "../errors.ts";
import { fileExists } from "../files.ts";

/** 0 done · 1 failed · 2 wrong usage or configuration · 3 bad data · 4 no engine · 130 stopped by the user (resumable). */
export const exitCodes = { ok: 0, failed: 1, usage: 2, data: 3, engine: 4, stopped: 130 } as const;

/** One JSON document on stdout, and nothing else there. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/** Rows of cells (the first may be a header) as text in columns. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd()).join("\n");
}

export function log(message: string): void {
  console.error(message);
}

/** Before long work: a result file whose folder is missing would only be noticed at the end. */
export async function requireFolderOf(file: string | undefined): Promise<void> {
  if (file === undefined || await fileExists(dirname(resolve(file)))) return;
  throw new ConfigError("output-folder", "there is no folder for this file", { file, hint: "Make it first" });
}

export function exitCodeFor(error: unknown): number {
  if (!(error instanceof Cov3dError)) return exitCodes.failed;
  switch (error.name) {
    case "ConfigError":
      return exitCodes.usage;
    case "DataError":
      return exitCodes.data;
    case "EngineError":
      return exitCodes.engine;
    default:
      return exitCodes.failed;
  }
}
