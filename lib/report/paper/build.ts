/** paper/main.tex to paper/main.pdf, with the TeX that is there. */
import { basename, join } from "node:path";
import { RunError } from "../../errors.ts";
import { fileExists, writeFileAtomic } from "../../files.ts";
import { sha256 } from "../../files.ts";

export interface BuildOptions {
  /** Folder of main.tex. */
  readonly paper: string;
  readonly signal?: AbortSignal;
}

export interface BuiltPaper {
  readonly pdf: string;
  readonly tool: string;
  readonly bytes: number;
  readonly pages: number | null;
  readonly sha256: string;
  readonly seconds: number;
  /** What LaTeX complained about: lines that reach over the margin. */
  readonly warnings: readonly string[];
}

/** The smallest set of Debian's packages that builds it. */
export const debianPackages = "latexmk texlive-latex-recommended texlive-publishers";
/** Any fixed date: the same source gives the same bytes with the same TeX. */
const sourceDate = "1767225600";

const tools = [
  {
    name: "latexmk",
    args: (out: string) => ["-pdf", "-interaction=nonstopmode", "-halt-on-error", `-outdir=${out}`, "main.tex"],
  },
  { name: "tectonic", args: (out: string) => ["--keep-logs", "--outdir", out, "main.tex"] },
] as const;

/** Builds in a folder of its own, so that nothing is left beside the source. @throws RunError "paper.tex" | "paper.latex" */
export async function buildPaper({ paper, signal }: BuildOptions): Promise<BuiltPaper> {
  const tool = await findTool();
  const out = await Deno.makeTempDir({ prefix: "cov3d-paper-" });
  const started = performance.now();
  try {
    const { code, stdout, stderr } = await new Deno.Command(tool.name, {
      args: tool.args(out),
      cwd: paper,
      env: { SOURCE_DATE_EPOCH: sourceDate, FORCE_SOURCE_DATE: "1" },
      ...(signal === undefined ? {} : { signal }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const logFile = join(out, "main.log");
    const log = await fileExists(logFile)
      ? new TextDecoder("latin1").decode(await Deno.readFile(logFile))
      : new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    refuse(code, log, paper);
    const bytes = await Deno.readFile(join(out, "main.pdf"));
    const pdf = join(paper, "main.pdf");
    await writeFileAtomic(pdf, bytes);
    const pages = /Output written on [^(]*\((\d+) pages?/.exec(log.replaceAll("\n", ""))?.[1];
    return {
      pdf,
      tool: basename(tool.name),
      bytes: bytes.length,
      pages: pages === undefined ? null : Number(pages),
      sha256: await sha256(bytes),
      seconds: (performance.now() - started) / 1000,
      warnings: overfull(log),
    };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

async function findTool(): Promise<typeof tools[number]> {
  for (const tool of tools) {
    try {
      const { success } = await new Deno.Command(tool.name, { args: ["--version"], stdout: "null", stderr: "null" })
        .output();
      if (success) return tool;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new RunError("paper.tex", "there is no LaTeX to build the PDF with", {
    expected: "latexmk (TeX Live) or tectonic",
    hint: `Install it, on Debian: apt-get install --no-install-recommends ${debianPackages}; elsewhere TeX Live, or ` +
      "tectonic (https://tectonic-typesetting.github.io). What the paper inputs is made: --no-pdf makes only that",
  });
}

/** Errors, and references that lead nowhere. */
function refuse(code: number, log: string, paper: string): void {
  const lines = log.split("\n");
  const error = lines.findIndex((line) => line.startsWith("!"));
  const undefined_ = [
    ...new Set(log.matchAll(/(?:Reference|Citation) [`'][^']*'[^.]*?undefined/g).map(([text]) => text)),
  ];
  if (code === 0 && error < 0 && undefined_.length === 0) return;
  const found = error >= 0
    ? lines.slice(error, error + 4).join(" ")
    : undefined_.join("; ") || lines.slice(-12).join("\n");
  throw new RunError("paper.latex", "LaTeX could not build the paper", { file: join(paper, "main.tex"), found });
}

/** Boxes that reach more than 2 pt over the margin. */
function overfull(log: string): string[] {
  return [...log.matchAll(/Overfull \\[hv]box \(([\d.]+)pt too (?:wide|high)\)[^\n]*/g)]
    .filter(([, points]) => Number(points) > 2).map(([text]) => text);
}
