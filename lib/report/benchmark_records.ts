/** The kit beside its peers, from the committed records of `deno task bench` (figures/benchmarks). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { DataError } from "../errors.ts";
import { type BenchmarkSource, benchmarkSources } from "./benchmark_sources.ts";
import type { CsvRow } from "./csv_record.ts";

/** The kit and the fastest of its peers in one session. */
export interface BenchmarkMeasurement {
  readonly source: BenchmarkSource;
  /** Their rows as they were recorded. */
  readonly kit: CsvRow;
  readonly peer: CsvRow;
  /** "wasm", "tensorflow" …; "no engine" where none is involved. */
  readonly engine: string;
  /** Processor and cores, or the GPU. */
  readonly device: string;
}

/** One measurement of the kit beside the fastest of its peers in the same session. */
export interface BenchmarkRatio {
  /** What was timed, e.g. "training step". */
  readonly benchmark: string;
  /** Which of them, e.g. "step of r3d_18, 1×64×128×128". */
  readonly task: string;
  /** "wasm", "tensorflow" …; "no engine" where none is involved. */
  readonly engine: string;
  /** The fastest peer, by its median. */
  readonly peer: string;
  /** The kit's median over the peer's: below 1 the kit is faster. */
  readonly ratio: number;
  /** The kit's fastest over the peer's slowest, and the reverse. */
  readonly low: number;
  readonly high: number;
  readonly processor: string;
  /** ISO 8601. */
  readonly date: string;
}

const committed = fileURLToPath(new URL("../../figures/benchmarks", import.meta.url));

/**
 * The latest measurement of each thing (default: the committed records), in the order of `benchmarkSources`. A file that
 * is not there gives nothing; a measurement without a peer neither.
 * @throws DataError "benchmarks.unreadable" for a row without times
 */
export async function readBenchmarks(folder = committed): Promise<BenchmarkMeasurement[]> {
  const all = await Promise.all(
    Object.entries(benchmarkSources).map(async ([name, source]) => {
      const file = join(folder, name), rows = await readBenchmarkRows(file);
      for (const row of rows) benchmarkTimes(row, source, file);
      return latest(sessions(rows, source), source.keys);
    }),
  );
  return all.flat();
}

/** Those that are times, as ratios. @throws DataError "benchmarks.unreadable" */
export async function readBenchmarkRatios(folder = committed): Promise<BenchmarkRatio[]> {
  const timed = (await readBenchmarks(folder)).filter(({ source }) => source.unit !== "bytes");
  return timed.map(({ source, kit, peer, engine, device }) => {
    const own = benchmarkTimes(kit, source), other = benchmarkTimes(peer, source);
    return {
      benchmark: source.benchmark,
      task: source.task(kit),
      engine,
      peer: peer.side!,
      ratio: own.median / other.median,
      low: own.min / other.max,
      high: own.max / other.min,
      processor: device,
      date: kit.date!,
    };
  });
}

/** Rows of a table of records; none where the file is not there. */
export async function readBenchmarkRows(file: string): Promise<CsvRow[]> {
  try {
    const text = await Deno.readTextFile(file);
    return Papa.parse<CsvRow>(text, { header: true, skipEmptyLines: true }).data;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** In the source's unit; of memory all three are the peak. @throws DataError "benchmarks.unreadable" */
export function benchmarkTimes(row: CsvRow, { unit }: BenchmarkSource, file?: string) {
  const time = (which: "min" | "median" | "max"): number => {
    const column = unit === "bytes" ? "peak_resident_bytes" : `${unit}_${which}`, value = Number(row[column]);
    if (value > 0) return value;
    throw new DataError("benchmarks.unreadable", `a row without ${column}`, {
      ...(file === undefined ? {} : { file }),
      found: JSON.stringify(row),
    });
  };
  return { min: time("min"), median: time("median"), max: time("max") };
}

/** What was measured together, where that was the kit and a peer. */
function sessions(rows: readonly CsvRow[], source: BenchmarkSource): BenchmarkMeasurement[] {
  // Only the kit names its device, so a peer's row is known by the rest.
  const keys = ["date", ...source.keys.filter((key) => key !== "device")];
  return [...Map.groupBy(rows, (row) => valuesOf(row, keys)).values()].flatMap((group) => {
    const peer = fastestPeer(group.filter((row) => !isKit(row)), source);
    if (peer === undefined) return [];
    return group.filter(isKit).map((kit) => ({ source, kit, peer, engine: engineOf(kit), device: deviceOf(kit) }));
  });
}

const isKit = ({ side = "" }: CsvRow) => side.startsWith("kit");

/** The kit computes in float32, so a peer that rounds to TensorFloat-32 counts only where there is no other. */
function fastestPeer(peers: readonly CsvRow[], source: BenchmarkSource): CsvRow | undefined {
  const exact = peers.filter(({ side = "" }) => !side.includes("tf32"));
  const median = (row: CsvRow) => benchmarkTimes(row, source).median;
  return (exact.length > 0 ? exact : peers).toSorted((a, b) => median(a) - median(b))[0];
}

/** A session can hold the kit on two engines: "kit webgpu", "kit tensorflow". */
function engineOf({ side = "", engine }: CsvRow): string {
  return /^kit (tensorflow|webgpu|wasm)$/.exec(side)?.[1] ?? (engine || "no engine");
}

/** The processor, or the card that the kit says it computed on. */
export function deviceOf({ device = "", processor, cores }: CsvRow): string {
  return device === "" || device.startsWith("CPU") ? `${processor}, ${cores} cores` : device;
}

/** Of measurements of the same thing on the same device the last one, where the first one stands. */
function latest(measurements: readonly BenchmarkMeasurement[], keys: readonly string[]): BenchmarkMeasurement[] {
  const same = (one: BenchmarkMeasurement) =>
    `${one.device}\n${one.engine}\n${valuesOf(one.kit, keys.filter((key) => key !== "device"))}`;
  return [...Map.groupBy(measurements, same).values()].map((group) =>
    group.reduce((last, one) => one.kit.date! > last.kit.date! ? one : last)
  );
}

const valuesOf = (row: CsvRow, columns: readonly string[]) => columns.map((column) => row[column] ?? "").join("\n");
