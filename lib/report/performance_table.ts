/** The README's table of how fast the kit is: a row for each committed record that has a peer. */
import { join } from "node:path";
import { fileExists, writeFileAtomic } from "../files.ts";
import {
  type BenchmarkMeasurement,
  benchmarkTimes,
  deviceOf,
  readBenchmarkRows,
  readBenchmarks,
} from "./benchmark_records.ts";
import { times } from "./benchmark_sources.ts";
import type { CsvRow } from "./csv_record.ts";

/** The table is between these two lines; whatever else a document says is nobody's but its author's. */
export const performanceMarkers = [
  "<!-- performance: made by `deno task figures` from figures/benchmarks -->",
  "<!-- performance: end -->",
] as const;

/** Rows that stand there as "unmeasured" until a card has been measured (`deno task bench gpu`). */
const onCards = [["training step of r3d_18", "2×64×128×128"], ["training step of r3d_18", "2×160×320×320"]] as const;

/** Benchmarks in the order of the table; of convolutions only these layers. */
const order = ["training step", "memory", "prediction", "preprocessing", "loading", "checkpoint", "3-D convolution"];
const shownShapes = ["64-64 at 16x32x32", "stem at 64x128x128"];

interface Records {
  readonly measurements: readonly BenchmarkMeasurement[];
  /** Steps of the kit on a card that no peer was measured beside. */
  readonly alone: readonly CsvRow[];
}

async function readRecords(root: string): Promise<Records> {
  const folder = join(root, "figures", "benchmarks"), cards = join(folder, "gpu");
  const [own, card, alone] = await Promise.all([
    readBenchmarks(folder),
    readBenchmarks(cards),
    readBenchmarkRows(join(cards, "large.csv")),
  ]);
  return { measurements: [...own, ...card], alone };
}

const columns = ["what", "size", "engine", "kit", "fastest peer", "ratio", "memory", "measured"];

/** GitHub Markdown. */
function performanceTable({ measurements, alone }: Records): string {
  const shown = measurements.filter(({ kit: { shape } }) => shape === undefined || shownShapes.includes(shape))
    .toSorted((a, b) => order.indexOf(a.source.benchmark) - order.indexOf(b.source.benchmark));
  const measured = [...shown.map(cellsOf), ...alone.map(aloneCells)];
  const missing = onCards.filter(([what, size]) =>
    !measured.some((cells) => cells[0]!.startsWith(what) && cells[1] === size && cells[2] === "`webgpu`")
  ).map(([what, size]) => [what, size, "`webgpu`", "unmeasured", "unmeasured", "–", "–", "no GPU at hand"]);
  const rows = [columns, ...measured, ...missing];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => [...row[i]!].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell + " ".repeat(widths[i]! - [...cell].length)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(columns), rule, ...rows.slice(1).map(line)].join("\n");
}

function cellsOf({ source, kit, peer, engine, device }: BenchmarkMeasurement): string[] {
  const own = benchmarkTimes(kit, source).median, other = benchmarkTimes(peer, source).median;
  const amount = (value: number) =>
    source.unit === "bytes" ? gigabytes(value) : formatSeconds(source.unit === "seconds" ? value : value / 1000);
  return [
    source.what(kit),
    source.size(kit),
    engine === "no engine" ? "–" : `\`${engine}\``,
    amount(own),
    `${peer.side}: ${amount(other)}`,
    `**${(own / other).toFixed(2)}**`,
    source.unit === "bytes" ? "–" : memoryOf(kit, peer),
    `${device}, ${kit.date!.slice(0, 10)}`,
  ];
}

/** The kit's peak and its share of the peer's: of the card where one computed, else of the process. */
function memoryOf(kit: CsvRow, peer: CsvRow): string {
  const column = Number(kit.device_bytes) > 0 ? "device_bytes" : "peak_resident_bytes";
  const own = Number(kit[column]), other = Number(peer[column]);
  return own > 0 ? gigabytes(own) + (other > 0 ? `, ${(own / other).toFixed(2)}×` : "") : "–";
}

function aloneCells(row: CsvRow): string[] {
  const { network, memory, size, batch, engine, date } = row, bytes = Number(row.device_bytes);
  return [
    `training step of ${network}${memory === "lean" ? ", `--memory lean`" : ""}`,
    `${batch}×${times(size)}`,
    `\`${engine}\``,
    formatSeconds(Number(row.seconds_median)),
    "–",
    "–",
    bytes > 0 ? gigabytes(bytes) : "–",
    `${deviceOf(row)}, ${date!.slice(0, 10)}`,
  ];
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

function formatSeconds(seconds: number): string {
  return seconds < 0.1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

/** What README.md of the kit would hold; undefined where it has no markers. */
async function updated(root: string): Promise<{ file: string; before: string; after: string } | undefined> {
  const file = join(root, "README.md"), [begin, end] = performanceMarkers;
  if (!(await fileExists(file))) return undefined;
  const before = await Deno.readTextFile(file), from = before.indexOf(begin), to = before.indexOf(end);
  if (from < 0 || to < from) return undefined;
  const table = performanceTable(await readRecords(root));
  return { file, before, after: `${before.slice(0, from + begin.length)}\n\n${table}\n\n${before.slice(to)}` };
}

/** Writes the table into README.md below `root`. Returns its path where that changed it. */
export async function writePerformanceTable(root: string): Promise<string | undefined> {
  const found = await updated(root);
  if (found === undefined || found.before === found.after) return undefined;
  await writeFileAtomic(found.file, found.after);
  return found.file;
}

/** The path of README.md below `root` where its table is not that of the records. */
export async function stalePerformanceTable(root: string): Promise<string | undefined> {
  const found = await updated(root);
  return found === undefined || found.before === found.after ? undefined : found.file;
}
