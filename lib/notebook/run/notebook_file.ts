/** A notebook as a file (nbformat 4). */
import { DataError } from "../../errors.ts";
import { writeFileAtomic } from "../../files.ts";

export interface Output {
  readonly output_type: "stream" | "display_data" | "execute_result" | "error";
  readonly name?: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly execution_count?: number | null;
}

export interface Cell {
  readonly cell_type: "code" | "markdown" | "raw";
  readonly id?: string;
  readonly metadata: { readonly tags?: readonly string[] } & Readonly<Record<string, unknown>>;
  readonly source: string | readonly string[];
  readonly outputs?: readonly Output[];
  readonly execution_count?: number | null;
}

export interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly nbformat: number;
  readonly nbformat_minor: number;
}

/** Notebook files store text as one string or as lines. */
export function textOf(value: string | readonly string[] | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : value.join("");
}

export function tagsOf(cell: Cell): readonly string[] {
  return cell.metadata.tags ?? [];
}

/** @throws DataError "notebook.damaged" */
export async function readNotebook(file: string): Promise<Notebook> {
  try {
    const notebook = JSON.parse(await Deno.readTextFile(file)) as Notebook;
    if (notebook.nbformat === 4 && Array.isArray(notebook.cells)) return notebook;
    throw new TypeError(`nbformat ${notebook.nbformat}`);
  } catch (cause) {
    throw new DataError("notebook.damaged", "this is not a Jupyter notebook", {
      file,
      expected: "JSON of nbformat 4",
      cause,
    });
  }
}

/** As Jupyter writes it: one space of indent, text as lines, a newline at the end. */
export async function writeNotebook(file: string, notebook: Notebook): Promise<void> {
  await writeFileAtomic(file, notebookText(notebook));
}

export function notebookText(notebook: Notebook): string {
  return JSON.stringify(notebook, (key, value) => linesOf(key, value), 1) + "\n";
}

const textKeys = new Set(["source", "text", "text/plain", "text/html", "text/markdown", "image/svg+xml"]);

function linesOf(key: string, value: unknown): unknown {
  if (!textKeys.has(key) || typeof value !== "string") return value;
  return value === "" ? [] : value.split(/(?<=\n)/);
}
