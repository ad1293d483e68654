/**
 * Keeps numbers out of the paper's text that no record explains. The rule: outside comments, a digit or a number word
 * from eleven on stands only
 *
 * - in an argument that is not printed as text: `\num{key}`, citations, references, labels, file names, addresses,
 *   lengths, options of packages;
 * - in a definition (`equation`, `align`, or `\defmath{…}` in a line), alone, as one digit: the 1 of 1 − ε, the 2 of ε/2;
 * - in a name that paper/names.csv lists with a reason, e.g. COVID-19.
 *
 * Every `\num{key}` needs a number of that key, every file in generated/ that the text inputs has to be made, and the
 * caption beside it has to say whose numbers they are: `\published`, `\ours`, `\computed` or `\mixed`.
 */
import type { Provenance } from "./record_family.ts";

/** One thing that is wrong with the text. */
export interface TextProblem {
  /** File, relative to paper/. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
  /** Key of a number, or file in generated/, that is asked for and not there. */
  readonly missing?: string;
}

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

export interface LintOptions {
  readonly files: readonly TextFile[];
  readonly keys: ReadonlySet<string>;
  /** Names with digits, from paper/names.csv. */
  readonly names: readonly string[];
  /** Made files, by their name in generated/ without extension. */
  readonly generated: ReadonlyMap<string, Provenance>;
}

export function lintText({ files, keys, names, generated }: LintOptions): TextProblem[] {
  const bare = files.map(({ file, text }) => ({ file, text: withoutComments(text) }));
  return [
    ...bare.flatMap((file) => strayNumbers(file, names)),
    ...bare.flatMap((file) => missingNumbers(file, keys)),
    ...bare.flatMap((file) => generatedFiles(file, generated)),
    ...unusedNames(bare, names),
  ];
}

/** Blanks, so that positions stay: comments up to the line's end. */
function withoutComments(text: string): string {
  return text.replaceAll(/(?<!\\)%[^\n]*/g, blank);
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, " ");
}

/** Commands whose first argument is not printed, or is printed from elsewhere. */
const silent = new RegExp(
  String.raw`\\(?:num|cite|ref|eqref|label|input|includegraphics|includetable|bibliography|bibliographystyle|` +
    String.raw`documentclass|usepackage|IfFileExists|url|href|vspace|hspace)\*?(?:\[[^\]]*\])?\{[^{}]*\}`,
  "g",
);
/** Layout: a name and its length or number. */
const layout = /\\(?:setlength|addtolength|setcounter|renewcommand(?=\{\\\w+fraction\}))\{[^{}]*\}\{[^{}]*\}/g;
const definition =
  /\\begin\{(equation|align|gather)\*?\}[\s\S]*?\\end\{\1\*?\}|\\defmath\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g;
const lineBreak = /\\\\\[[^\]]*\]/g;
/** `\newcommand{\x}[2]` and the places of its arguments. */
const parameters = /(?<=\\(?:re|provide)?(?:new)?command\{\\[A-Za-z]+\})\[\d\]|#\d/g;
const words =
  /\b(?:eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|billions?)\b/gi;

function strayNumbers({ file, text }: TextFile, names: readonly string[]): TextProblem[] {
  const singleDigits = (part: string) => part.replaceAll(/(?<![\d.,])\d(?![\d.,]\d|\d)/g, " ");
  let rest = text.replaceAll(silent, blank).replaceAll(definition, singleDigits)
    .replaceAll(layout, blank).replaceAll(lineBreak, blank).replaceAll(parameters, blank);
  for (const name of names) rest = rest.replaceAll(nameExpression(name), blank);
  return [...rest.matchAll(/\d[\d.,]*|(?:[A-Za-z]+-)?\b[A-Za-z]+\b/g)].flatMap((match) => {
    const [found] = match;
    if (!/\d/.test(found) && !new RegExp(words.source, "i").test(found)) return [];
    const message = `"${around(text, match.index, found)}": a number without a record; use \\num{key} (keys: ` +
      "generated/numbers.csv), or list the name in names.csv";
    return [{ file, line: lineOf(text, match.index), message }];
  });
}

/** The name where nothing continues it; a break of the line counts as a space. */
function nameExpression(name: string): RegExp {
  const pattern = name.split(/\s+/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s~]+");
  return new RegExp(`(?<![A-Za-z0-9])${pattern}(?![A-Za-z0-9])`, "g");
}

function around(text: string, index: number, found: string): string {
  const from = Math.max(0, text.lastIndexOf(" ", index - 2)), to = index + found.length;
  return text.slice(from, to + 12).replaceAll(/\s+/g, " ").trim();
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function missingNumbers({ file, text }: TextFile, keys: ReadonlySet<string>): TextProblem[] {
  return [...text.matchAll(/\\num\{([^{}#]*)\}/g)].flatMap((match) => {
    const key = match[1]!;
    if (keys.has(key)) return [];
    return [{ file, line: lineOf(text, match.index), message: `no record holds the number "${key}"`, missing: key }];
  });
}

/** Files in generated/ that are asked for: they are made, and the caption around them says whose numbers they show. */
function generatedFiles(
  { file, text }: TextFile,
  generated: ReadonlyMap<string, Provenance>,
): TextProblem[] {
  const floats = [...text.matchAll(/\\begin\{(figure|table)\*?\}[\s\S]*?\\end\{\1\*?\}/g)];
  return [...text.matchAll(/\\(?:input|includegraphics|includetable)(?:\[[^\]]*\])?\{generated\/([^{}]*)\}/g)]
    .flatMap((match) => {
      const name = match[1]!.replace(/\.(?:tex|pdf)$/, ""), line = lineOf(text, match.index);
      if (name === "numbers") return [];
      const provenance = generated.get(name);
      if (provenance === undefined) {
        return [{ file, line, message: `generated/${name} is not made from any record`, missing: name }];
      }
      const float = floats.find(({ index, 0: { length } }) => match.index >= index && match.index < index + length);
      if (float !== undefined && new RegExp(`\\\\caption\\{\\\\${provenance}\\b`).test(float[0])) return [];
      return [{ file, line, message: `the caption of generated/${name} has to begin with \\${provenance}` }];
    });
}

function unusedNames(files: readonly TextFile[], names: readonly string[]): TextProblem[] {
  const unused = names.filter((name) => !files.some(({ text }) => nameExpression(name).test(text)));
  return unused.map((name) => ({ file: "names.csv", line: 1, message: `"${name}" is nowhere in the text: remove it` }));
}
