/** Who measured, where and when; and the CSV files under figures/benchmarks that remember it. */
import { cpus, loadavg, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { writeFileAtomic } from "../../lib/files.ts";
import { readBenchmarkRows } from "../../lib/report/benchmark_records.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Processes that wanted a core over the last minute, before the benchmark began: above about half a core, be wary. */
  readonly loadAverage: number;
}

/** Of a series of benchmarks that of the series: before a later one the load is what the earlier ones left. */
const seriesLoad = "COV3D_BENCH_LOAD";
const loadAtStart = Number(Deno.env.get(seriesLoad) ?? loadavg()[0] ?? 0);

/** Environment of a benchmark that is one of a series. */
export const inSeries = (): Record<string, string> => ({ [seriesLoad]: String(loadAtStart) });

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryBytes: totalmem(),
    system: `${Deno.build.os} ${release()} ${Deno.build.arch}`,
    loadAverage: loadAtStart,
  };
}

/** One line on stderr when something else is using the cores. */
export function warnWhenBusy(): void {
  if (loadAtStart <= 0.5 || Deno.env.has(seriesLoad)) return;
  console.error(`note: the load average is ${loadAtStart.toFixed(1)}; other programs may disturb these timings`);
}

/** What every benchmark's JSON starts with. */
export interface Provenance {
  readonly benchmark: string;
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

export function provenance(benchmark: string, versions: Readonly<Record<string, string>>): Provenance {
  return {
    benchmark,
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: { deno: Deno.version.deno, ...versions },
  };
}

export type Row = Readonly<Record<string, string | number | boolean | undefined>>;

const folder = fileURLToPath(new URL("../../figures/benchmarks/", import.meta.url));

/** Adds rows to <to>/<name>.csv (made when missing; new columns are added at the end). Returns its path. */
export async function recordRows(name: string, from: Provenance, rows: readonly Row[], to = folder): Promise<string> {
  const file = join(to, `${name}.csv`);
  const added = rows.map((row) => ({
    date: from.date,
    processor: from.machine.processor,
    cores: from.machine.cores,
    system: from.machine.system,
    load_average: from.machine.loadAverage.toFixed(2),
    ...Object.fromEntries(Object.entries(from.versions).map(([what, version]) => [`${what}_version`, version])),
    ...row,
  }));
  const all = [...await readBenchmarkRows(file), ...added];
  const columns = [...new Set(all.flatMap((row) => Object.keys(row)))];
  await Deno.mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, Papa.unparse(all as object[], { columns, newline: "\n" }) + "\n");
  return file;
}
