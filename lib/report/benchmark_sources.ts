/** How the records of `deno task bench` (figures/benchmarks/*.csv) are read: a row per side, the kit's and its peers'. */
import type { CsvRow } from "./csv_record.ts";

export interface BenchmarkSource {
  /** e.g. "training step". */
  readonly benchmark: string;
  /** "milliseconds" or "seconds": columns <unit>_min, _median, _max. "bytes": peak_resident_bytes, and no time. */
  readonly unit: "seconds" | "milliseconds" | "bytes";
  /** Columns that tell measurements apart. */
  readonly keys: readonly string[];
  /** What was timed, e.g. "training step of r3d_18". */
  readonly what: (row: CsvRow) => string;
  /** On how much, e.g. "1×64×128×128". */
  readonly size: (row: CsvRow) => string;
  /** Both in a few words, for a figure's axis. */
  readonly task: (row: CsvRow) => string;
}

const passes: Readonly<Record<string, string>> = {
  forward: "forward",
  inputGrad: "input gradient",
  filterGrad: "filter gradient",
};

/** "16x32x32" with the multiplication sign. */
export function times(text = ""): string {
  return text.replaceAll(/(?<=\d)x(?=\d)/g, "×");
}

/** "64-64 at 16x32x32" → ["64→64", "16×32×32"]. */
function convolution(shape = ""): [layer: string, size: string] {
  const [layer = "", size = ""] = times(shape).replace(/^(\d+)-(\d+)/, "$1→$2").split(" at ");
  return [layer, size];
}

const passOf = ({ pass = "" }: CsvRow) => passes[pass] ?? pass;

/** Files with kit and peers side by side. */
export const benchmarkSources: Readonly<Record<string, BenchmarkSource>> = {
  "step.csv": {
    benchmark: "training step",
    unit: "seconds",
    keys: ["engine", "network", "size", "batch", "device"],
    what: ({ network }) => `training step of ${network}`,
    size: ({ size, batch }) => `${batch}×${times(size)}`,
    task: ({ network, size, batch }) => `step of ${network}, ${batch}×${times(size)}`,
  },
  "predict.csv": {
    benchmark: "prediction",
    unit: "seconds",
    keys: ["engine", "network", "size", "scans"],
    what: ({ network, scans }) => `${scans} scans, JPEG folders to probabilities (${network}, whole program)`,
    size: ({ size }) => times(size),
    task: ({ size, scans }) => `${scans} scans predicted, ${times(size)}`,
  },
  "conv.csv": {
    benchmark: "3-D convolution",
    unit: "milliseconds",
    keys: ["engine", "shape", "pass", "device"],
    what: (row) => `convolution ${convolution(row.shape)[0]}, ${passOf(row)}`,
    size: ({ shape }) => convolution(shape)[1],
    task: (row) => `conv ${convolution(row.shape).join(", ")}, ${passOf(row)}`,
  },
  "preprocess.csv": {
    benchmark: "preprocessing",
    unit: "seconds",
    keys: ["size", "slices", "scans"],
    what: ({ slices, scans }) => `${scans === "1" ? "one scan" : `${scans} scans`} of ${slices} 512² JPEG slices`,
    size: ({ size }) => times(size),
    task: ({ size, slices, scans }) => `${scans === "1" ? "" : `${scans} × `}${slices} slices → ${times(size)}`,
  },
  "load.csv": {
    benchmark: "loading",
    unit: "seconds",
    keys: ["size", "batch", "scans"],
    what: ({ scans, batch }) => `${scans} cached volumes to the upload buffer, batch ${batch}`,
    size: ({ size }) => times(size),
    task: ({ size, scans }) => `${scans} cached volumes, ${times(size)}`,
  },
  "checkpoint.csv": {
    benchmark: "checkpoint",
    unit: "seconds",
    keys: ["network", "container"],
    what: ({ network, container }) => `PyTorch checkpoint of ${network} (${container} container) to numbers`,
    size: ({ file_bytes }) => `${(Number(file_bytes) / 2 ** 20).toFixed(0)} MiB`,
    task: ({ container }) => `checkpoint, ${container} container`,
  },
  "peak_memory.csv": {
    benchmark: "memory",
    unit: "bytes",
    keys: ["engine", "network", "size", "batch", "memory"],
    what: ({ network, memory }) =>
      `memory of a training step of ${network}${memory === "lean" ? ", blocks computed again (`--memory lean`)" : ""}`,
    size: ({ size, batch }) => `${batch}×${times(size)}`,
    task: ({ network, size, batch }) => `memory of ${network}, ${batch}×${times(size)}`,
  },
};
