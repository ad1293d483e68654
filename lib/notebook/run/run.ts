/** Runs notebooks in real Jupyter, checks them, and writes them back clean. */
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { listFolder } from "../../data/folder.ts";
import { ConfigError, RunError } from "../../errors.ts";
import { makeFolder } from "../../files.ts";
import { cleanNotebook, comparableText, type Problem, problemsOf } from "./clean.ts";
import { type Notebook, readNotebook, writeNotebook } from "./notebook_file.ts";
import { jupyterEnvironment, jupyterPython } from "./python.ts";

export const profiles = ["quick", "full"] as const;
export type ProfileName = typeof profiles[number];

export interface RunNotebooksOptions {
  /** Folder of the notebooks. */
  readonly folder: string;
  /** Beginnings of file names, e.g. "05"; all when left out. */
  readonly only?: readonly string[];
  /** Default "quick". */
  readonly profile?: ProfileName;
  /** Compare with the files as they are instead of writing: differences outside volatile cells are problems. */
  readonly check?: boolean;
  /** Executed notebooks go here instead of back to their place; for outputs that are not to be published. */
  readonly out?: string;
  /** Seconds that one cell may take (default 900). */
  readonly timeout?: number;
  readonly onProgress?: (event: NotebookProgress) => void;
  readonly log?: (message: string) => void;
  readonly signal?: AbortSignal;
}

export interface NotebookProgress {
  readonly notebook: string;
  /** Code cells done, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface NotebookResult {
  readonly notebook: string;
  readonly seconds: number;
  /** Differs from the committed file outside volatile outputs. */
  readonly changed: boolean;
  readonly problems: readonly Problem[];
}

/** Executes the notebooks one after the other. Files are only written for notebooks without problems. */
export async function runNotebooks(options: RunNotebooksOptions): Promise<NotebookResult[]> {
  const { folder, profile = "quick", log, signal } = options;
  const files = await chooseNotebooks(folder, options.only ?? []);
  const python = await jupyterPython({ ...(log && { log }), ...(signal && { signal }) });
  if (options.out !== undefined) await makeFolder(options.out);
  const scratch = await Deno.makeTempDir({ prefix: "cov3d-notebooks-" });
  try {
    const results: NotebookResult[] = [];
    for (const file of files) {
      signal?.throwIfAborted();
      results.push(await runOne(file, { ...options, profile, python, scratch }));
    }
    return results;
  } finally {
    await Deno.remove(scratch, { recursive: true }).catch(() => {});
  }
}

/** Paths of the numbered notebooks in a folder, in order. @throws ConfigError when a choice fits none; DataError */
export async function chooseNotebooks(folder: string, only: readonly string[]): Promise<string[]> {
  const { files } = await listFolder(folder);
  const names = files.filter((name) => /^\d\d-.*\.ipynb$/.test(name)).sort();
  const missing = only.find((start) => !names.some((name) => name.startsWith(start)));
  if (missing !== undefined || names.length === 0) {
    throw new ConfigError("notebooks.none", `there is no notebook "${missing ?? "NN-*.ipynb"}"`, {
      file: folder,
      found: names.join(", ") || "none",
    });
  }
  const chosen = only.length === 0 ? names : names.filter((name) => only.some((start) => name.startsWith(start)));
  return chosen.map((name) => join(resolve(folder), name));
}

interface Context extends RunNotebooksOptions {
  readonly profile: ProfileName;
  readonly python: string;
  readonly scratch: string;
}

async function runOne(file: string, context: Context): Promise<NotebookResult> {
  const { folder, check = false, out } = context;
  const target = join(context.scratch, basename(file));
  const { seconds, failure } = await execute(file, target, context);
  const notebook = basename(file);
  if (failure !== undefined) return { notebook, seconds, changed: false, problems: [failure] };
  const committed = await readNotebook(file);
  const executed = cleanNotebook(await readNotebook(target), { root: resolve(folder, "..") });
  const changed =
    comparableText(executed) !== comparableText(cleanNotebook(committed, { root: resolve(folder, "..") }));
  const problems = problemsOf(executed);
  if (check && changed) problems.push(...differences(committed, executed));
  if (problems.length === 0 && out !== undefined) await writeNotebook(join(out, notebook), executed);
  else if (problems.length === 0 && changed && !check) await writeNotebook(file, executed);
  return { notebook, seconds, changed, problems };
}

function differences(committed: Notebook, executed: Notebook): Problem[] {
  const shown = (notebook: Notebook, cell: number) =>
    comparableText({ ...notebook, cells: notebook.cells.slice(cell, cell + 1) });
  const message = "shows something else than the committed notebook";
  const cells = executed.cells.map((_, cell) => cell).filter((cell) =>
    shown(committed, cell) !== shown(executed, cell)
  );
  return cells.length === 0 ? [{ cell: 0, message }] : cells.map((cell) => ({ cell, message }));
}

interface Event {
  readonly event: "cell" | "done" | "error";
  readonly cell: number;
  readonly cells: number;
  readonly seconds: number;
  readonly name: string;
  readonly message: string;
}

async function execute(source: string, target: string, { python, folder, profile, timeout = 900, ...watch }: Context) {
  const child = new Deno.Command(python, {
    args: [fileURLToPath(new URL("./execute.py", import.meta.url))],
    env: { ...await jupyterEnvironment(), COV3D_PROFILE: profile },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(watch.signal && { signal: watch.signal }),
  }).spawn();
  const input = child.stdin.getWriter();
  const task = { notebooks: [{ source, target }], cwd: resolve(folder), timeout };
  await input.write(new TextEncoder().encode(JSON.stringify(task)));
  await input.close();
  const stderr = new Response(child.stderr).text();
  let done = 0, seconds = NaN, failure: Problem | undefined;
  for await (const event of jsonLines<Event>(child.stdout)) {
    if (event.event === "cell") {
      watch.onProgress?.({ notebook: basename(source), done: ++done, total: event.cells });
    } else if (event.event === "done") seconds = event.seconds;
    else failure = { cell: event.cell, message: `${event.name}: ${event.message}` };
  }
  const { success } = await child.status;
  watch.signal?.throwIfAborted();
  if (success) return { seconds, failure };
  throw new RunError("notebooks.jupyter", "Jupyter could not run the notebook", {
    file: source,
    found: (await stderr).trim().split("\n").slice(-3).join(" | "),
  });
}

async function* jsonLines<T>(stream: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") yield JSON.parse(line) as T;
  }
}
