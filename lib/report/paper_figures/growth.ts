/** Figures of how cost grows: of the latest session of each record that `deno task bench growth` made. */
import type { CsvRow } from "../csv_record.ts";
import type { Figure } from "../figure.ts";
import { growth, type GrowthPoint } from "../figures/growth.ts";
import { type FigureSource, NoRecord, readTable } from "./source.ts";

const place = (name: string) => `figures/benchmarks/${name}.csv`;

/** Rows with a number in `column`, of the last session; with its machine in words. */
async function latestSession(root: string, name: string, columns: readonly string[], column: string) {
  const rows = await readTable(root, place(name), ["date", "processor", "cores", "side", ...columns]);
  const date = rows.map((row) => row.date!).toSorted().at(-1);
  const own = rows.filter((row) => row.date === date && Number(row[column]) > 0);
  const [first] = own;
  if (first === undefined) throw new NoRecord(`${place(name)} holds no measurement`);
  return { rows: own, machine: `${first.processor}, ${first.cores} cores, ${date!.slice(0, 10)}` };
}

const pointsOf = (rows: readonly CsvRow[], x: string, y: string, factor = 1): GrowthPoint[] =>
  rows.filter((row) => Number(row[y]) > 0).map((row) => ({
    side: row.side!,
    x: Number(row[x]),
    y: Number(row[y]) * factor,
  }));

async function ofSteps(root: string): Promise<Figure[]> {
  const columns = ["voxels", "seconds_median", "peak_resident_bytes"];
  const { rows, machine } = await latestSession(root, "step_growth", columns, "seconds_median");
  const memory = pointsOf(rows, "voxels", "peak_resident_bytes", 1e-9);
  return [growth({
    name: "growth-step",
    title: "A training step against the size of the volume",
    caption:
      "Seconds and most resident memory of a training step of r3d_18 (batch 1) as volumes grow, each side in a " +
      `process of its own: ${[...new Set(rows.map(({ size }) => size))].join(", ")}. ${machine}.`,
    xLabel: "voxels",
    panels: [
      { yLabel: "seconds per step", points: pointsOf(rows, "voxels", "seconds_median") },
      ...(memory.length > 0 ? [{ yLabel: "peak memory (GB)", points: memory }] : []),
    ],
  })];
}

async function ofPrediction(root: string): Promise<Figure[]> {
  const { rows, machine } = await latestSession(root, "predict_growth", ["scans", "size", "seconds"], "seconds");
  return [growth({
    name: "growth-predict",
    title: "Prediction against the number of scans",
    caption:
      "Whole programs, from process start to exit: folders of 200 to 300 JPEG slices to probabilities of r3d_18 " +
      `at ${rows[0]!.size}, both views. ${machine}.`,
    xLabel: "scans",
    panels: [{ yLabel: "seconds", points: pointsOf(rows, "scans", "seconds") }],
  })];
}

async function ofFiles(root: string): Promise<Figure[]> {
  const columns = ["slices", "what", "seconds_median", "peak_resident_bytes"];
  const { rows, machine } = await latestSession(root, "files", columns, "seconds_median");
  // A peer's row stands beside each kind of listing; it is the same listing.
  const named = rows.filter(({ side, what }) => side === "kit" || what === "listing")
    .map((row) => ({ ...row, side: row.side === "kit" ? `kit, ${row.what}` : row.side! }));
  return [growth({
    name: "growth-files",
    title: "Listing and auditing against the number of files",
    caption:
      "Seconds and most resident memory of listing a dataset (anew; from memory), of the audit without and with " +
      `decoding, and of Python's glob, as a tree of scans grows. ${machine}.`,
    xLabel: "files",
    panels: [
      { yLabel: "seconds", points: pointsOf(named, "slices", "seconds_median") },
      { yLabel: "peak memory (MB)", points: pointsOf(named, "slices", "peak_resident_bytes", 1e-6) },
    ],
  })];
}

export const growthSources: readonly FigureSource[] = [
  { names: ["growth-step"], draw: ({ root }) => ofSteps(root) },
  { names: ["growth-predict"], draw: ({ root }) => ofPrediction(root) },
  { names: ["growth-files"], draw: ({ root }) => ofFiles(root) },
];
