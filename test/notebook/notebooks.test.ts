import { describe, expect, test } from "vitest";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { chooseNotebooks } from "../../lib/notebook/run/run.ts";
import { cleanNotebook, isVolatile, problemsOf } from "../../lib/notebook/run/clean.ts";
import { type Cell, type Notebook, notebookText, tagsOf, textOf } from "../../lib/notebook/run/notebook_file.ts";
import { entryOf } from "../../lib/notebook/run/site.ts";
import { fileExists } from "../../lib/files.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
const folder = join(root, "notebooks");
const files = await chooseNotebooks(folder, []);
const knownTags = /^(volatile|output:(figure|table|html|text))$/;

function codeOf({ cells }: Notebook): Cell[] {
  return cells.filter(({ cell_type }) => cell_type === "code");
}

function proseOf({ cells }: Notebook): string {
  return cells.filter(({ cell_type }) => cell_type === "markdown").map(({ source }) => textOf(source)).join("\n\n");
}

describe.each(files.map((file) => file.slice(folder.length + 1)))("%s", (name) => {
  const text = Deno.readTextFileSync(join(folder, name)), notebook = JSON.parse(text) as Notebook;

  test("is as the runner writes it, executed, with every output that its tags promise", () => {
    expect(notebookText(cleanNotebook(notebook, { root }))).toBe(notebookText(notebook));
    expect(problemsOf(notebook)).toEqual([]);
    expect(codeOf(notebook).some(({ outputs = [] }) => outputs.length > 0)).toBe(true);
    const ids = notebook.cells.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("shows what it says it shows: tags are known, and a cell that shows something promises it", () => {
    for (const cell of codeOf(notebook)) {
      expect(tagsOf(cell).filter((tag) => !knownTags.test(tag))).toEqual([]);
      const rich = (cell.outputs ?? []).some(({ data = {} }) =>
        Object.keys(data).some((type) => type !== "text/plain")
      );
      if (rich && !isVolatile(cell)) expect(tagsOf(cell), textOf(cell.source)).not.toEqual([]);
    }
  });

  test("imports the library and nothing else", () => {
    const code = codeOf(notebook).map(({ source }) => textOf(source)).join("\n");
    const imports = [...code.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)["'`]([^"'`]+)["'`]/g)].map(([, from]) => from);
    expect([...new Set(imports)]).toEqual(["@cov3d/lib"]);
  });

  test("names no place or machine, and stays small enough to be read on the web", () => {
    const shown = JSON.stringify(notebook.cells).replaceAll(/"image\/png":\s*"[^"]*"/g, "");
    expect(shown).not.toMatch(/[\s"'(=](\/(?:home|root|tmp|Users|work)\/|file:\/\/|[A-Z]:\\\\Users)/);
    expect(text.length).toBeLessThan(1_500_000);
  });

  test("every link to a file leads somewhere", async () => {
    const links = [...proseOf(notebook).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link!);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    const missing = [];
    for (const link of local) if (!(await fileExists(join(folder, link)))) missing.push(link);
    expect(missing).toEqual([]);
  });

  test("has a title, says what it is for, has exercises with folded answers and leads on", () => {
    const [first] = notebook.cells, prose = proseOf(notebook), { title, lead } = entryOf(name, notebook);
    expect(textOf(first?.source)).toMatch(/^# \S/);
    expect(title.length).toBeGreaterThan(5);
    expect(lead.length).toBeGreaterThan(40);
    for (const part of [/you will learn/i, /\*\*time\*\*/i, /prerequisites|before this/i]) {
      expect(textOf(first?.source)).toMatch(part);
    }
    expect(prose.match(/<details>\s*<summary>/g)?.length ?? 0).toBeGreaterThanOrEqual(2);
    expect(prose.match(/<details>/g)?.length).toBe(prose.match(/<\/details>/g)?.length);
    const next = files[files.findIndex((file) => file.endsWith(name)) + 1];
    if (next !== undefined) expect(textOf(notebook.cells.at(-1)?.source)).toContain(next.slice(folder.length + 1));
  });
});
