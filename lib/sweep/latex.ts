/** A table as LaTeX with booktabs: `\input` it into a document that loads booktabs. */
import type { SummaryTable, TableColumn } from "./summary_table.ts";

export function latexTable({ title, columns, rows, notes }: SummaryTable): string {
  const line = (cells: readonly string[]) => `${cells.map(escapeLatex).join(" & ")} \\\\`;
  const groups = groupsOf(columns);
  return [
    "% needs \\usepackage{booktabs}",
    ...[title, ...notes].map((note) => `% ${note.replaceAll(/\s*\n\s*/g, " ")}`),
    `\\begin{tabular}{@{}${columns.map(({ align }) => align === "right" ? "r" : "l").join("")}@{}}`,
    "\\toprule",
    ...groups.some(({ name }) => name !== "")
      ? [
        groups.map(({ name, from, to }) =>
          name === "" ? "&".repeat(to - from) : `\\multicolumn{${to - from + 1}}{c}{${escapeLatex(name)}}`
        ).join(" & ") + " \\\\",
        groups.flatMap(({ name, from, to }) => name === "" ? [] : [`\\cmidrule(lr){${from}-${to}}`]).join(" "),
      ]
      : [],
    line(columns.map(({ heading }) => heading)),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

/** Runs of columns under one heading; counted from 1. */
function groupsOf(columns: readonly TableColumn[]): { name: string; from: number; to: number }[] {
  const groups: { name: string; from: number; to: number }[] = [];
  columns.forEach(({ group }, i) => {
    const last = groups.at(-1);
    if (last?.name === group) last.to = i + 1;
    else groups.push({ name: group, from: i + 1, to: i + 1 });
  });
  return groups;
}

const commands: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "$<$",
  ">": "$>$",
  "|": "$|$",
  "±": "$\\pm$",
  "−": "$-$",
  "×": "$\\times$",
  "≤": "$\\leq$",
  "≥": "$\\geq$",
  "–": "--",
  "λ": "$\\lambda$",
  "ε": "$\\varepsilon$",
  "α": "$\\alpha$",
  "γ": "$\\gamma$",
  "σ": "$\\sigma$",
};

/** Any text as LaTeX that prints it. */
export function escapeLatex(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(/[\\~^<>|±−×≤≥–λεαγσ]|[&%$#_{}]/g, (character) => commands[character] ?? `\\${character}`);
}
