/** The README's table of how fast the kit is: a row for each committed record that has a peer. */
import { join } from "node:path";
import { fileExists, writeFileAtomic } from "../files.ts";
import { type BenchmarkMeasurement, benchmarkTimes, readBenchmarks } from "./benchmark_records.ts";

/** The table is between these two lines; whatever else a document says is nobody's but its author's. */
export const performanceMarkers = [
  "<!-- performance: made by `deno task figures` from figures/benchmarks -->",
  "<!-- performance: end -->",
] as const;

/** Rows that stand there as "unmeasured" until their record does. */
const expected = [
  { what: "training step of r3d_18", size: "2×64×128×128", engine: "webgpu", where: "NVIDIA GPU" },
  { what: "training step of r3d_18", size: "2×160×320×320", engine: "webgpu", where: "NVIDIA GPU" },
] as const;

/** Benchmarks in the order of the table; of convolutions only these layers. */
const order = ["training step", "prediction", "preprocessing", "checkpoint", "3-D convolution"];
const shownShapes = ["64-64 at 16x32x32", "stem at 64x128x128"];

/** GitHub Markdown. */
export function performanceTable(measurements: readonly BenchmarkMeasurement[]): string {
  const shown = measurements.filter(({ kit: { shape } }) => shape === undefined || shownShapes.includes(shape))
    .toSorted((a, b) => order.indexOf(a.source.benchmark) - order.indexOf(b.source.benchmark));
  const cells = [...shown.map(cellsOf), ...shown.length === 0 ? [] : missing(measurements)];
  const header = ["what", "size", "engine", "kit", "fastest peer", "ratio", "memory", "measured"];
  const widths = header.map((name, i) =>
    Math.max(...[header, ...cells].map((row) => [...row[i]!].length), name.length)
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell + " ".repeat(widths[i]! - [...cell].length)).join(" | ")} |`;
  return [line(header), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...cells.map(line)].join("\n");
}

function cellsOf({ source, kit, peer, engine, device }: BenchmarkMeasurement): string[] {
  const factor = source.unit === "seconds" ? 1 : 1e-3;
  const seconds = (row: BenchmarkMeasurement["kit"]) => factor * benchmarkTimes(row, source).median;
  const own = seconds(kit), other = seconds(peer);
  const bytes = Number(kit.peak_resident_bytes), peerBytes = Number(peer.peak_resident_bytes);
  const memory = bytes > 0 && peerBytes > 0 ? `${gigabytes(bytes)}, ${(bytes / peerBytes).toFixed(2)}×` : "–";
  return [
    source.what(kit),
    source.size(kit),
    engine === "no engine" ? "–" : `\`${engine}\``,
    formatSeconds(own),
    `${peer.side}: ${formatSeconds(other)}`,
    `**${(own / other).toFixed(2)}**`,
    memory,
    `${device}, ${kit.date!.slice(0, 10)}`,
  ];
}

/** Of the expected rows those that no GPU has measured yet. */
function missing(measurements: readonly BenchmarkMeasurement[]): string[][] {
  const measured = ({ what, size, engine }: typeof expected[number]) =>
    measurements.some((one) =>
      one.engine === engine && one.source.what(one.kit) === what && one.source.size(one.kit) === size &&
      !one.device.endsWith(" cores")
    );
  return expected.filter((row) => !measured(row)).map(({ what, size, engine, where }) => {
    return [what, size, `\`${engine}\``, "unmeasured", "unmeasured", "–", "–", where];
  });
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
  const table = performanceTable(await readBenchmarks(join(root, "figures", "benchmarks")));
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
