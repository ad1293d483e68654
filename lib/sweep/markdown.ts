/** A table as GitHub's Markdown. */
import type { SummaryTable } from "./summary_table.ts";

export function markdownTable({ title, columns, rows, notes }: SummaryTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [
    `**${escapeMarkdown(title)}**`,
    "",
    line(columns.map(({ group, heading }) => group === "" ? heading : `${group}: ${heading}`)),
    `|${columns.map(({ align }) => align === "right" ? " ---: " : " --- ").join("|")}|`,
    ...rows.map(line),
    "",
    ...notes.flatMap((note) => [escapeMarkdown(note), ""]),
  ].join("\n");
}

/** What Markdown or HTML would take for more than text. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(/[\\|*_`[\]]/g, "\\$&")
    .replaceAll(/\s*\n\s*/g, " ");
}
