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

/** Before long work: a result file that cannot be written would only be noticed at the end. */
export async function requireFolderOf(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  if (!(await fileExists(dirname(resolve(file))))) {
    throw new ConfigError("output-folder", "there is no folder for this file", { file, hint: "Make it first" });
  }
  if (!(await isFolder(file))) return;
  throw new ConfigError("output-folder", "this is a folder", { file, expected: "the name of a file to write" });
}

/** Before long work: the folder of results cannot be made where a file is. */
export async function requireNoFile(folder: string | undefined): Promise<void> {
  if (folder === undefined || !(await fileExists(folder)) || await isFolder(folder)) return;
  throw new ConfigError("output-folder", "a file is where the folder of results should be", { file: folder });
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
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
