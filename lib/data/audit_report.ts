/** The audit as text for a person. */
import type { AuditReport } from "./audit.ts";
import { countRows, type PublishedCount } from "./counts.ts";

export interface FormatOptions {
  /** Longest lists of findings (default 10); the JSON report has all of them. */
  readonly most?: number;
}

/** Tables, a histogram of depths, and every kind of finding with its first examples. */
export function formatAudit(report: AuditReport, { most = 10 }: FormatOptions = {}): string {
  const sections = [
    `${report.root}\n${report.scans} scans, ${report.slices} slices${report.quick ? " (quick: not decoded)" : ""}`,
    section("Scans", [countTable(report), ...inconsistencies(report)]),
    section("Slices per scan", depthLines(report)),
    section("Slice sizes (width×height)", tallyLines(report.sizes, most)),
    section("Slice formats", tallyLines(report.formats, most)),
    section("Findings", findings(report, most)),
    section("Leakage between splits", leakage(report, most)),
    section("Notes", report.notes),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

/** Number of findings that a person should look at before training; notes and statistics do not count. */
export function problemCount(report: AuditReport): number {
  const { unreadable, suspect, emptyScans, numbering, duplicates, patients } = report;
  const acrossSplits = duplicates.sharedSlices.filter((pair) => pair.acrossSplits).length;
  return unreadable.length + suspect.length + emptyScans.length + numbering.length + duplicates.scans.length +
    acrossSplits +
    patients.acrossSplits.length;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0
    ? ""
    : [title, ...lines.flatMap((line) => line.split("\n")).map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** Rows of Tables 1 and 2; for each split what is here, and what the paper prints. */
function countTable({ counts, published }: AuditReport): string {
  const splits = Object.keys(counts);
  const printed = (split: string, row: string) => published.find((entry) => entry.split === split && entry.row === row);
  const header = ["", ...splits.flatMap((split) => isPublished(split, published) ? [split, "(paper)"] : [split])];
  const rows = countRows.map((row) => [
    row,
    ...splits.flatMap((split) => {
      const here = counts[split]![row].toLocaleString("en");
      if (!isPublished(split, published)) return [here];
      return [here, printed(split, row)?.paper.toLocaleString("en") ?? "–"];
    }),
  ]);
  return alignColumns([header, ...rows]);
}

const isPublished = (split: string, published: readonly PublishedCount[]) =>
  published.some((entry) => entry.split === split);

/** Where the paper's printed numbers are not those of the release. */
function inconsistencies({ published }: AuditReport): string[] {
  const wrong = published.filter(({ paper, released }) => released !== undefined && released !== paper);
  if (wrong.length === 0) return [];
  const list = wrong.map(({ split, row, paper, released }) =>
    `  ${split} ${row}: printed ${paper.toLocaleString("en")}, released ${released!.toLocaleString("en")}`
  );
  return ["", "The paper's Tables 1 and 2 disagree with the released lists (and with their own sums) in:", ...list];
}

function depthLines({ depth, scans }: AuditReport): string[] {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const tallest = Math.max(1, ...depth.histogram.map((bin) => bin.scans));
  const last = Math.max(...depth.histogram.map((bin) => String(bin.to - 1).length));
  return [
    `${depth.min} to ${depth.max}, median ${depth.median}; ${
      percent(depth.below160)
    } below 160 (paper: more than 58 %), ` +
    `${percent(depth.below500)} below 500 (paper: almost 99 %)`,
    ...(scans === 0 ? [] : occupied(depth.histogram).map(({ from, to, scans }) => {
      const label = `${String(from).padStart(last)}–${String(to - 1).padEnd(last)}`;
      return `${label} ${"█".repeat(Math.ceil((scans / tallest) * 50))} ${scans || "·"}`;
    })),
  ];
}

/** Without the empty bins before the first scan. */
function occupied(histogram: AuditReport["depth"]["histogram"]) {
  return histogram.slice(Math.max(0, histogram.findIndex(({ scans }) => scans > 0)));
}

function tallyLines(counts: Readonly<Record<string, number>>, most: number): string[] {
  const entries = Object.entries(counts);
  return shortened(entries.map(([name, count]) => `${name}: ${count.toLocaleString("en")}`), most);
}

function findings(report: AuditReport, most: number): string[] {
  const { emptyScans, singleSliceScans, numbering, unreadable, mixedSizes, duplicates } = report;
  const lines = [
    ...group("scans without slices", emptyScans, most),
    ...group("scans with one slice (repeated along depth)", singleSliceScans, most),
    ...group("unreadable slices", unreadable.map(({ message }) => message), most),
    ...group("slices that are read, but are not in order", report.suspect.map(({ warning }) => warning), most),
    ...group("scans with gaps or repeats in the slice numbers", numbering.map(describeNumbering), most),
    ...group("scans with slices of different sizes", mixedSizes.map(describeSizes), most),
    ...group(
      "scans with the same slice more than once",
      duplicates.withinScans.map(({ scan, repeated }) => `${scan}: ${repeated} repeated`),
      most,
    ),
    ...group("identical scans", duplicates.scans.map(({ scans }) => scans.join(" = ")), most),
    ...(report.blankSlices > 0 ? [`${report.blankSlices} slices of one single grey value`] : []),
    ...(report.ignoredEntries > 0
      ? [`${report.ignoredEntries} directory entries are not slices and were ignored`]
      : []),
  ];
  return lines.length > 0 ? lines : ["none"];
}

function leakage({ duplicates, patients }: AuditReport, most: number): string[] {
  const shared = duplicates.sharedSlices.filter(({ acrossSplits }) => acrossSplits);
  const classes = duplicates.sharedSlices.filter(({ acrossClasses }) => acrossClasses);
  const pair = ({ scans, slices }: (typeof shared)[number]) => `${scans.join(" and ")}: ${slices} slices`;
  return [
    ...group("pairs of scans that share slices across splits", shared.map(pair), most),
    ...group("pairs of scans that share slices with the opposite label", classes.map(pair), most),
    ...(shared.length === 0 ? ["no slice occurs in two splits"] : []),
    ...(patients.patients === 0
      ? ["patients are not known (give a CSV scan;patient to check that none is in two splits)"]
      : [
        `${patients.patients} patients of ${patients.scans} scans, ${patients.acrossSplits.length} of them in more than one split`,
        ...shortened(patients.acrossSplits.map(({ patient, scans }) => `  ${patient}: ${scans.join(", ")}`), most),
      ]),
  ];
}

function group(title: string, items: readonly string[], most: number): string[] {
  return items.length === 0 ? [] : [`${items.length} ${title}`, ...shortened(items.map((item) => `  ${item}`), most)];
}

function shortened(lines: readonly string[], most: number): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `  … and ${lines.length - most} more`];
}

function describeNumbering({ scan, missing, repeated }: AuditReport["numbering"][number]): string {
  return [`${scan}:`, missing === "" ? "" : `missing ${missing}`, repeated === "" ? "" : `twice ${repeated}`]
    .filter(Boolean).join(" ");
}

function describeSizes({ scan, sizes }: AuditReport["mixedSizes"][number]): string {
  const entries = Object.entries(sizes);
  const listed = entries.slice(0, 3).map(([size, count]) => `${count} of ${size}`).join(", ");
  return `${scan}: ${listed}${entries.length > 3 ? ` and ${entries.length - 3} other sizes` : ""}`;
}

/** First column to the left, the others to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join("  ")
  ).join("\n");
}
