/** Ratios of the kit's times to its peers', from the committed records of `deno task bench` (figures/benchmarks). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { DataError } from "../errors.ts";

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

type Row = Readonly<Record<string, string>>;

interface Source {
  readonly benchmark: string;
  /** "milliseconds" or "seconds": columns <unit>_min, _median, _max. */
  readonly unit: string;
  /** Columns that tell measurements apart. */
  readonly keys: readonly string[];
  readonly task: (row: Row) => string;
}

const passes: Readonly<Record<string, string>> = {
  forward: "forward",
  inputGrad: "input gradient",
  filterGrad: "filter gradient",
};

/** "64-64 at 16x32x32" → "conv 64→64, 16×32×32". */
function convolution(shape = ""): string {
  return "conv " + times(shape).replace(/^(\d+)-(\d+)/, "$1→$2").replace(" at ", ", ");
}

/** Files with kit and peers side by side. */
const sources: Readonly<Record<string, Source>> = {
  "step.csv": {
    benchmark: "training step",
    unit: "seconds",
    keys: ["engine", "network", "size", "batch", "device", "precision"],
    task: ({ network, size, batch }) => `step of ${network}, ${batch}×${times(size)}`,
  },
  "conv.csv": {
    benchmark: "3-D convolution",
    unit: "milliseconds",
    keys: ["engine", "shape", "pass", "device", "precision"],
    task: ({ shape, pass }) => `${convolution(shape)}, ${passes[pass ?? ""] ?? pass}`,
  },
  "preprocess.csv": {
    benchmark: "preprocessing",
    unit: "seconds",
    keys: ["size", "slices", "scans"],
    task: ({ size, slices }) => `${slices} slices → ${times(size)}`,
  },
};

const committed = fileURLToPath(new URL("../../figures/benchmarks", import.meta.url));

/**
 * The latest measurement of each thing (default: the committed records). A file that is not there gives nothing; a measurement without a peer neither.
 * @throws DataError "benchmarks.unreadable" for a row without times
 */
export async function readBenchmarkRatios(folder = committed): Promise<BenchmarkRatio[]> {
  const all = await Promise.all(
    Object.entries(sources).map(async ([name, source]) => {
      const file = join(folder, name);
      const rows = await readBenchmarkRows(file);
      return groups(rows, source.keys).flatMap((group) => ratioOf(group, source, file));
    }),
  );
  return all.flat();
}

/** Rows of a table of records; none where the file is not there. */
export async function readBenchmarkRows(file: string): Promise<Row[]> {
  try {
    const text = await Deno.readTextFile(file);
    return Papa.parse<Row>(text, { header: true, skipEmptyLines: true }).data;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Rows of one session that measure the same; of several sessions the last. */
function groups(rows: readonly Row[], keys: readonly string[]): Row[][] {
  const found = Map.groupBy(rows, (row) => keys.map((key) => row[key] ?? "").join("\n"));
  return [...found.values()].map((group) => {
    const latest = group.map(({ date = "" }) => date).toSorted().at(-1);
    return group.filter(({ date = "" }) => date === latest);
  });
}

function ratioOf(group: readonly Row[], { benchmark, unit, task }: Source, file: string): BenchmarkRatio[] {
  const time = (row: Row, which: "min" | "median" | "max"): number => {
    const value = Number(row[`${unit}_${which}`]);
    if (value > 0) return value;
    throw new DataError("benchmarks.unreadable", `a row without ${unit}_${which}`, {
      file,
      found: JSON.stringify(row),
    });
  };
  const kit = group.find(({ side = "" }) => side.startsWith("kit"));
  const peers = group.filter((row) => row !== kit).toSorted((a, b) => time(a, "median") - time(b, "median"));
  const peer = peers[0];
  if (kit === undefined || peer === undefined) return [];
  return [{
    benchmark,
    task: task(kit),
    engine: kit.engine ?? "no engine",
    peer: peer.side!,
    ratio: time(kit, "median") / time(peer, "median"),
    low: time(kit, "min") / time(peer, "max"),
    high: time(kit, "max") / time(peer, "min"),
    processor: `${kit.device || `${kit.processor}, ${kit.cores} cores`}`,
    date: kit.date!,
  }];
}

/** "16x32x32" with the multiplication sign. */
function times(text = ""): string {
  return text.replaceAll(/(?<=\d)x(?=\d)/g, "×");
}
