/**
 * What a committed notebook keeps of its outputs: everything that another run on another machine repeats. Lines of
 * progress are dropped; cells tagged "volatile" (times, speeds, machines) keep what they show, but a re-run that
 * changes nothing else leaves the file as it was.
 */
import { homedir, hostname } from "node:os";
import { resolve } from "node:path";
import { cacheRoot } from "../../paths.ts";
import { type Cell, type Notebook, notebookText, type Output, tagsOf, textOf } from "./notebook_file.ts";

export interface CleanOptions {
  /** Folder of the project; its path is replaced by ".". */
  readonly root: string;
}

/** A notebook without paths, progress and times of execution. */
export function cleanNotebook(notebook: Notebook, options: CleanOptions): Notebook {
  const replace = replacePaths(options);
  let count = 0;
  const cells = notebook.cells.map((cell, index): Cell => {
    const { execution: _, ...metadata } = cell.metadata as Cell["metadata"] & { execution?: unknown };
    const id = cell.id ?? `cell-${index}`;
    if (cell.cell_type !== "code") return { ...cell, id, metadata };
    const number = ++count;
    const outputs = mergeStreams(cell.outputs ?? []).filter((output) => !isProgress(output)).map((output) => ({
      ...mapOutput(output, replace),
      ...(output.output_type === "execute_result" ? { execution_count: number } : {}),
    }));
    return { ...cell, id, metadata, execution_count: number, outputs };
  });
  return {
    cells,
    metadata: {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
}

/** The text that two runs are compared by: volatile cells show nothing. */
export function comparableText(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => isVolatile(cell) ? { ...cell, outputs: [] } : cell);
  return notebookText({ ...notebook, cells });
}

export function isVolatile(cell: Cell): boolean {
  return tagsOf(cell).includes("volatile");
}

function isProgress({ metadata }: Output): boolean {
  return (metadata?.cov3d as { readonly volatile?: boolean } | undefined)?.volatile === true;
}

/** Consecutive pieces of one stream come as the kernel happened to flush them. */
function mergeStreams(outputs: readonly Output[]): Output[] {
  const merged: Output[] = [];
  for (const output of outputs) {
    const last = merged.at(-1);
    if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
      merged[merged.length - 1] = { ...last, text: textOf(last.text) + textOf(output.text) };
    } else merged.push(output);
  }
  return merged;
}

function mapOutput(output: Output, replace: (text: string) => string): Output {
  return {
    ...output,
    ...(output.text === undefined ? {} : { text: replace(textOf(output.text)) }),
    ...(output.data === undefined ? {} : {
      data: Object.fromEntries(
        Object.entries(output.data).map((
          [type, value],
        ) => [type, type.startsWith("image/png") ? textOf(value).trim() : replace(textOf(value))]),
      ),
    }),
  };
}

function replacePaths({ root }: CleanOptions): (text: string) => string {
  const places: readonly (readonly [string, string])[] = [
    [root, "."],
    [dataFolder(), "<data>"],
    [cacheRoot(), "<cache>"],
    [homedir(), "~"],
    [hostname(), "<machine>"],
  ];
  const known = places.filter(([place]) => place.length > 2).sort(([a], [b]) => b.length - a.length);
  return (text) => known.reduce((result, [place, name]) => result.replaceAll(place, name), text);
}

/** The dataset of the full profile; "" where there is none. */
function dataFolder(): string {
  const folder = Deno.env.get("COV3D_DATA");
  return folder ? resolve(folder) : "";
}

export interface Problem {
  readonly cell: number;
  readonly message: string;
}

/** Errors, outputs that a tag promises and that are not there, and leftovers that a committed notebook must not have. */
export function problemsOf(notebook: Notebook): Problem[] {
  return notebook.cells.flatMap((cell, index) =>
    cell.cell_type === "code" ? cellProblems(cell).map((message) => ({ cell: index, message })) : []
  );
}

const promises: Readonly<Record<string, (output: Output) => boolean>> = {
  "output:figure": ({ data = {} }) => "image/svg+xml" in data || "image/png" in data,
  "output:table": ({ data = {} }) => textOf(data["text/html"]).includes("<table"),
  "output:html": ({ data = {} }) => "text/html" in data,
  "output:text": ({ output_type, data = {} }) => output_type === "stream" || "text/plain" in data,
};

function cellProblems(cell: Cell): string[] {
  const outputs = cell.outputs ?? [];
  const problems = outputs.filter(({ output_type }) => output_type === "error").map(() => "the cell ended in an error");
  for (const tag of tagsOf(cell).filter((name) => name.startsWith("output:"))) {
    const kept = promises[tag];
    if (kept === undefined) problems.push(`unknown tag "${tag}"; known: ${Object.keys(promises).join(", ")}`);
    else if (!outputs.some(kept)) problems.push(`"${tag}" is promised, and the cell shows no such output`);
  }
  if (isVolatile(cell)) return problems;
  const text = outputs.map((output) => textOf(output.text) + Object.values(plainData(output)).join("\n")).join("\n");
  const absolute = /(?:^|[\s"'=(>])(\/(?:home|root|tmp|Users|var|work)\/[^\s"'<)]*)/m.exec(text)?.[1];
  if (absolute !== undefined) problems.push(`a path of this machine is shown: ${absolute}`);
  const time = /\d{4}-\d\d-\d\dT\d\d:\d\d/.exec(text)?.[0];
  if (time !== undefined) problems.push(`a time is shown: ${time} (tag the cell "volatile")`);
  return problems;
}

function plainData({ data = {} }: Output): string[] {
  return Object.entries(data).filter(([type]) => type.startsWith("text/")).map(([, value]) => textOf(value));
}
