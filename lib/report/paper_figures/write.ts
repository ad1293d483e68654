/** Writes figures into a folder, or says how the folder differs from them. */
import { join } from "node:path";
import sharp from "sharp";
import { fileExists, makeFolder, writeFileAtomic } from "../../files.ts";
import { type Figure, figureContents, type FigureFiles } from "../figure.ts";

/** Pixels of a PNG for each unit of the drawing: about 800 across, as wide as a web page shows it. */
const pngScale = 1.6;

/** Files that did not hold this before; the others are left alone. */
export async function writeFigures(figures: readonly Figure[], folder: string): Promise<string[]> {
  await makeFolder(folder);
  const written: string[] = [];
  for (const figure of figures) {
    for (const [kind, content] of contentsOf(await figureContents(figure, { pngScale }))) {
      const file = join(folder, `${figure.name}.${kind}`);
      if (await holds(file, content)) continue;
      await writeFileAtomic(file, content);
      written.push(file);
    }
  }
  return written;
}

export interface FigureDifference {
  readonly file: string;
  readonly problem: "missing" | "different" | "drawn by nothing";
}

/**
 * SVG, PDF and CSV have to be the same to the byte, pictures to the eye (libraries may compress them otherwise).
 * @param skipped name patterns of figures that could not be drawn: their files may stay
 */
export async function checkFigures(
  figures: readonly Figure[],
  folder: string,
  skipped?: readonly string[],
): Promise<FigureDifference[]> {
  const differences: FigureDifference[] = [], expected = new Set<string>();
  for (const figure of figures) {
    for (const [kind, content] of contentsOf(await figureContents(figure, { pngScale }))) {
      const name = `${figure.name}.${kind}`, file = join(folder, name);
      expected.add(name);
      if (!(await fileExists(file))) differences.push({ file, problem: "missing" });
      else if (kind === "png" ? !(await looksLike(file, content)) : !(await holds(file, content))) {
        differences.push({ file, problem: "different" });
      }
    }
  }
  return [...differences, ...(skipped === undefined ? [] : await leftOver(folder, expected, skipped))];
}

async function leftOver(folder: string, expected: ReadonlySet<string>, skipped: readonly string[]) {
  if (!(await fileExists(folder))) return [];
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  return names
    .filter((name) => /\.(svg|pdf|png|csv)$/.test(name) && !expected.has(name) && !isSkipped(name, skipped))
    .map((name): FigureDifference => ({ file: join(folder, name), problem: "drawn by nothing" }));
}

/** "<record>-roc" stands for any record's. */
function isSkipped(file: string, skipped: readonly string[]): boolean {
  const name = file.replace(/\.\w+$/, "");
  return skipped.some((pattern) => {
    const [before = "", after = ""] = pattern.startsWith("<record>")
      ? ["", pattern.slice("<record>".length)]
      : [pattern, ""];
    if (after === "") return name === before;
    return after.endsWith("*") ? name.includes(after.slice(0, -1)) : name.endsWith(after);
  });
}

const kinds = ["svg", "pdf", "png", "csv"] as const;

function contentsOf(contents: Record<keyof FigureFiles, Uint8Array | string>) {
  return kinds.map((kind) => {
    const content = contents[kind];
    return [kind, typeof content === "string" ? new TextEncoder().encode(content) : content] as const;
  });
}

async function holds(file: string, content: Uint8Array): Promise<boolean> {
  if (!(await fileExists(file))) return false;
  const found = await Deno.readFile(file);
  return found.length === content.length && found.every((byte, i) => byte === content[i]);
}

/** Same size, and on average less than one grey level apart. */
async function looksLike(file: string, content: Uint8Array): Promise<boolean> {
  const pixels = (input: string | Uint8Array) => sharp(input).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const [a, b] = await Promise.all([pixels(file), pixels(content)]);
  if (a.info.width !== b.info.width || a.info.height !== b.info.height) return false;
  let difference = 0;
  for (let i = 0; i < a.data.length; i++) difference += Math.abs(a.data[i]! - b.data[i]!);
  return difference / a.data.length < 1;
}
