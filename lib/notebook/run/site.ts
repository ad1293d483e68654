/** The notebooks as a static site: one page each, and an index. */
import { basename, join, resolve } from "node:path";
import { RunError } from "../../errors.ts";
import { makeFolder, writeFileAtomic } from "../../files.ts";
import { type Html, html, page } from "../../report/html.ts";
import { withMathMl } from "./equations.ts";
import { type Notebook, readNotebook, textOf, writeNotebook } from "./notebook_file.ts";
import { jupyterEnvironment, jupyterPython } from "./python.ts";
import { chooseNotebooks } from "./run.ts";

export interface NotebookSiteOptions {
  /** Folder of the notebooks. */
  readonly folder: string;
  /** Folder for the pages. */
  readonly out: string;
  readonly only?: readonly string[];
  readonly log?: (message: string) => void;
}

/** Renders the notebooks as they are, outputs included. Returns the path of the index page. */
export async function notebookSite({ folder, out, only = [], log }: NotebookSiteOptions): Promise<string> {
  const files = await chooseNotebooks(folder, only);
  const notebooks = await Promise.all(files.map(async (file) => ({ file, notebook: await readNotebook(file) })));
  await makeFolder(out);
  const sources = await Deno.makeTempDir({ prefix: "cov3d-site-" });
  try {
    for (const { file, notebook } of notebooks) {
      await writeNotebook(join(sources, basename(file)), drawEquations(notebook));
    }
    await convert(files.map((file) => join(sources, basename(file))), out, log);
  } finally {
    await Deno.remove(sources, { recursive: true });
  }
  for (const file of files) await finishPage(join(out, pageOf(file)));
  const entries = notebooks.map(({ file, notebook }) => entryOf(file, notebook));
  const index = join(out, "index.html");
  await writeFileAtomic(index, page({ title: "Cov3d notebooks", body: indexBody(entries) }));
  return index;
}

async function convert(files: readonly string[], out: string, log?: (message: string) => void): Promise<void> {
  const python = await jupyterPython(log === undefined ? {} : { log });
  const { success, stderr } = await new Deno.Command(python, {
    args: ["-m", "nbconvert", "--to", "html", "--output-dir", resolve(out), ...files],
    env: await jupyterEnvironment(),
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new RunError("notebooks.html", "nbconvert could not render the notebooks", {
      file: out,
      found: new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" | "),
    });
  }
}

/** Equations of the text as MathML: nbconvert's own pages fetch a script from the network to draw them. */
function drawEquations(notebook: Notebook): Notebook {
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === "markdown" ? { ...cell, source: withMathMl(textOf(cell.source)) } : cell
  );
  return { ...notebook, cells };
}

interface Entry {
  readonly page: string;
  readonly title: string;
  readonly lead: string;
}

function pageOf(file: string): string {
  return basename(file).replace(/\.ipynb$/, ".html");
}

/** Wide drawings and tables would be cut off at the page's edge; scripts from the network are not needed. */
async function finishPage(file: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  const style = "<style>.jp-OutputArea svg, .jp-OutputArea img { max-width: 100%; height: auto; } " +
    ".jp-RenderedHTMLCommon table { display: block; max-width: 100%; overflow-x: auto; }</style></head>";
  const local = text.replaceAll(/<script[^>]*src="https?:[^"]*"[^>]*>\s*<\/script>/g, "");
  await writeFileAtomic(file, local.replace("</head>", style));
}

/** The title and the first paragraph after it. */
export function entryOf(file: string, { cells }: Pick<Notebook, "cells">): Entry {
  const text = textOf(cells.find(({ cell_type }) => cell_type === "markdown")?.source);
  const [heading = "", ...rest] = text.split("\n");
  const lead = rest.join("\n").trim().split(/\n\s*\n/)[0] ?? "";
  return {
    page: pageOf(file),
    title: heading.replace(/^#+\s*/, "") || basename(file),
    lead: lead.replaceAll(/[*_`#]|\[|\]\([^)]*\)/g, ""),
  };
}

function indexBody(entries: readonly Entry[]): Html {
  return html`
    <main>
      <h1>Cov3d notebooks</h1>
      <p class="lead">3-D deep learning on chest CT, step by step.</p>
      <ul>
        ${entries.map(({ page, title, lead }) =>
          html`
            <li><a href="${page}">${title}</a><p>${lead}</p></li>
          `
        )}
      </ul>
    </main>
  `;
}
