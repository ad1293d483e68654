import { describe, expect, test } from "vitest";
import { homedir, hostname } from "node:os";
import { cleanNotebook, comparableText, problemsOf } from "../../lib/notebook/run/clean.ts";
import { type Cell, type Notebook, notebookText, type Output } from "../../lib/notebook/run/notebook_file.ts";
import { cacheRoot } from "../../lib/paths.ts";

const root = "/somewhere/project";

function notebook(...cells: Cell[]): Notebook {
  return { cells, metadata: { signature: "x" }, nbformat: 4, nbformat_minor: 4 };
}

function code(outputs: readonly Output[], tags: readonly string[] = []): Cell {
  return { cell_type: "code", id: "a", metadata: { tags }, source: "await show(x);", outputs, execution_count: 7 };
}

const stream = (text: string): Output => ({ output_type: "stream", name: "stdout", text });
const shown = (data: Record<string, string>, metadata: Record<string, unknown> = {}): Output => ({
  output_type: "display_data",
  data,
  metadata,
});

describe("cleanNotebook", () => {
  const clean = (...cells: Cell[]) => cleanNotebook(notebook(...cells), { root });
  const outputsOf = (...outputs: Output[]) => clean(code(outputs)).cells[0]!.outputs!;

  test("counts executions from 1, drops times of execution, names the kernel", () => {
    const timed: Cell = { ...code([]), metadata: { execution: { "iopub.status.busy": "2026-01-01T00:00:00Z" } } };
    const prose: Cell = { cell_type: "markdown", metadata: {}, source: "# Title" };
    const { cells, metadata, nbformat_minor } = clean(prose, timed, code([]));
    expect(cells.map(({ execution_count }) => execution_count)).toEqual([undefined, 1, 2]);
    expect(cells[1]!.metadata).toEqual({});
    expect(cells[0]!.id).toBe("cell-0");
    expect(nbformat_minor).toBe(5);
    expect(metadata).toEqual({
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    });
  });

  test("an executed value has its cell's number", () => {
    const [value] = outputsOf({ output_type: "execute_result", data: { "text/plain": "1" }, execution_count: 99 });
    expect(value!.execution_count).toBe(1);
  });

  test("progress is dropped, and pieces of one stream are one", () => {
    const progress = shown({ "text/plain": "57 %" }, { cov3d: { volatile: true } });
    const kept = outputsOf(stream("a"), progress, stream("b"));
    expect(kept.map(({ text }) => text)).toEqual(["a", "b"]);
    expect(outputsOf(stream("a"), stream("b")).map(({ text }) => text)).toEqual(["ab"]);
    const error: Output = { ...stream("c"), name: "stderr" };
    expect(outputsOf(stream("a"), error)).toHaveLength(2);
  });

  test("paths and the machine's name become words, the longest place first", () => {
    const text = `${root}/lib ${cacheRoot()}/volumes ${homedir()}/x`;
    expect(outputsOf(stream(text))[0]!.text).toBe("./lib <cache>/volumes ~/x");
    if (hostname().length > 2) expect(outputsOf(stream(hostname()))[0]!.text).toBe("<machine>");
    const [html] = outputsOf(shown({ "text/html": `<td>${root}/a</td>` }));
    expect(html!.data!["text/html"]).toBe("<td>./a</td>");
  });

  test("the dataset of the full profile has no path", () => {
    const before = Deno.env.get("COV3D_DATA");
    Deno.env.set("COV3D_DATA", "/patients/data");
    try {
      expect(outputsOf(stream("/patients/data/train"))[0]!.text).toBe("<data>/train");
    } finally {
      if (before === undefined) Deno.env.delete("COV3D_DATA");
      else Deno.env.set("COV3D_DATA", before);
    }
  });

  test("a picture's bytes stay as they are, whatever they spell", () => {
    const [picture] = outputsOf(shown({ "image/png": `${root}AAAA\n` }));
    expect(picture!.data!["image/png"]).toBe(`${root}AAAA`);
  });

  test("cleaning twice is cleaning once", () => {
    const once = clean(code([stream(`${root}/a\nb\n`), shown({ "text/html": "<table>" })]));
    expect(notebookText(cleanNotebook(once, { root }))).toBe(notebookText(once));
  });
});

describe("comparableText", () => {
  test("leaves out what volatile cells show, and nothing else", () => {
    const at = (text: string, tags: string[]) => comparableText(notebook(code([stream(text)], tags)));
    expect(at("3.1 s", ["volatile"])).toBe(at("2.9 s", ["volatile"]));
    expect(at("3.1 s", [])).not.toBe(at("2.9 s", []));
    expect(at("same", ["volatile"])).not.toBe(at("same", []));
  });
});

describe("problemsOf", () => {
  const problems = (outputs: readonly Output[], ...tags: string[]) =>
    problemsOf(notebook(code(outputs, tags))).map(({ message }) => message).join("; ");

  test.each([
    ["output:figure", { "image/png": "AAAA" }, { "text/html": "<p>" }],
    ["output:figure", { "image/svg+xml": "<svg/>" }, { "text/plain": "x" }],
    ["output:table", { "text/html": "<table></table>" }, { "text/html": "<p>" }],
    ["output:html", { "text/html": "<p>" }, { "text/plain": "x" }],
    ["output:text", { "text/plain": "x" }, { "image/png": "AAAA" }],
  ])("%s is kept by %o and broken by %o", (tag, good, bad) => {
    expect(problems([shown(good)], tag)).toBe("");
    expect(problems([shown(bad)], tag)).toContain(tag);
    expect(problems([], tag)).toContain("promised");
  });

  test("a promise that nobody knows is a slip of the pen", () => {
    expect(problems([], "output:figur")).toContain('unknown tag "output:figur"');
  });

  test("errors, paths and times are found, also in volatile cells where they are errors", () => {
    expect(problems([{ output_type: "error" }])).toContain("error");
    expect(problems([{ output_type: "error" }], "volatile")).toContain("error");
    expect(problems([stream("read /home/me/scan")])).toContain("/home/me/scan");
    expect(problems([shown({ "text/html": "<td>/tmp/x</td>" })])).toContain("/tmp/x");
    expect(problems([stream("2026-11-22T09:00:00Z")])).toContain("2026-11-22T09:00");
    expect(problems([stream("at /home/me 2026-11-22T09:00")], "volatile")).toBe("");
    expect(problems([stream("train/covid, 1/2, </td>")])).toBe("");
  });
});
