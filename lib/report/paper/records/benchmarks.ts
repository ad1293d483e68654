/** How fast the kit is beside its peers (figures/benchmarks). */
import { join } from "node:path";
import { readBenchmarkRatios } from "../../benchmark_records.ts";
import type { CsvRow } from "../../csv_record.ts";
import { benchmarkRatios } from "../../figures/benchmark_ratios.ts";
import { fixed, keyPart, type PaperNumber, percent } from "../paper_number.ts";
import { type FamilyInputs, type PaperTable, type RecordFamily, textTable } from "../record_family.ts";
import { cell, readCsv } from "./csv.ts";

const place = "figures/benchmarks";
const stepColumns = ["engine", "network", "size", "batch", "side", "seconds_median", "peak_resident_bytes", "ratio"];

export const benchmarkFamily: RecordFamily = {
  name: "bench",
  place,
  command: "deno task bench",
  gives: ["benchmarks", "benchmark-ratios"],
  read: async (root): Promise<FamilyInputs> => {
    const steps = await readCsv(benchmarkFamily, root, `${place}/step.csv`, stepColumns);
    const scans = await readCsv(benchmarkFamily, root, `${place}/preprocess.csv`, ["side", "seconds_median", "ratio"]);
    const conv = await readCsv(benchmarkFamily, root, `${place}/conv.csv`, ["shape", "pass", "side", "matmul_share"]);
    const ratios = await readBenchmarkRatios(join(root, place));
    return {
      numbers: [...steps.flatMap((row) => stepNumbers(row, steps)), ...scanNumbers(scans), ...convNumbers(conv)],
      tables: [timeTable(steps, scans)],
      figures: [{ provenance: "ours", figure: benchmarkRatios({ ratios, name: "benchmark-ratios" }) }],
    };
  },
};

const isKit = ({ side }: CsvRow) => side!.startsWith("kit");

/** Rows of the same step: the kit and its peers. */
function sameStep(a: CsvRow, b: CsvRow): boolean {
  return ["date", "engine", "network", "size", "batch"].every((column) => a[column] === b[column]);
}

function fastestPeer(row: CsvRow, rows: readonly CsvRow[], file: string): CsvRow {
  return rows.filter((peer) => sameStep(row, peer) && !isKit(peer))
    .toSorted((a, b) => cell(a, "seconds_median", file) - cell(b, "seconds_median", file))[0]!;
}

function stepNumbers(row: CsvRow, rows: readonly CsvRow[]): PaperNumber[] {
  if (!isKit(row)) return [];
  const file = `${place}/step.csv`, peer = fastestPeer(row, rows, file);
  const source = `${file}: ${row.network} at ${row.size}, batch ${row.batch}`;
  const key = `bench.step.${keyPart(row.network!)}.${row.size}`;
  const memory = cell(row, "peak_resident_bytes", file) / cell(peer, "peak_resident_bytes", file);
  return [
    { key: `${key}.kit`, value: fixed(cell(row, "seconds_median", file), 2), source },
    { key: `${key}.peer`, value: fixed(cell(peer, "seconds_median", file), 2), source: `${source}, ${peer.side}` },
    { key: `${key}.ratio`, value: fixed(cell(row, "ratio", file), 2), source },
    { key: `${key}.memory-ratio`, value: fixed(memory, 2), source: `${source}: peak_resident_bytes` },
  ];
}

function scanNumbers(rows: readonly CsvRow[]): PaperNumber[] {
  const file = `${place}/preprocess.csv`;
  return rows.filter(isKit).flatMap((row) => {
    const source = `${file}: ${row.slices} slices to ${row.size}`, key = `bench.preprocess.${row.size}`;
    return [
      { key: `${key}.kit`, value: fixed(cell(row, "seconds_median", file), 2), source },
      { key: `${key}.ratio`, value: fixed(cell(row, "ratio", file), 2), source },
      { key: `${key}.slices`, value: row.slices!, source },
    ];
  });
}

/** The WebAssembly convolutions: range of their time over PyTorch's, and of their share of a matrix product's rate. */
function convNumbers(rows: readonly CsvRow[]): PaperNumber[] {
  const file = `${place}/conv.csv`, kit = rows.filter(isKit);
  const ratios = kit.map((row) => cell(row, "ratio", file)), shares = kit.map((row) => cell(row, "matmul_share", file));
  return [
    { key: "bench.conv.ratio.least", value: fixed(Math.min(...ratios), 1), source: `${file}: ratio` },
    { key: "bench.conv.ratio.most", value: fixed(Math.max(...ratios), 1), source: `${file}: ratio` },
    { key: "bench.conv.share.least", value: percent(Math.min(...shares)), source: `${file}: matmul_share` },
    { key: "bench.conv.share.most", value: percent(Math.max(...shares)), source: `${file}: matmul_share` },
  ];
}

function timeTable(steps: readonly CsvRow[], scans: readonly CsvRow[]): PaperTable {
  const row = (what: string, engine: string, kit: CsvRow, peer: CsvRow, file: string) => {
    const own = cell(kit, "seconds_median", file), other = cell(peer, "seconds_median", file);
    return [what, engine, fixed(own, 2), peer.side!, fixed(other, 2), fixed(own / other, 2)];
  };
  const stepRows = steps.filter(isKit).map((kit) =>
    row(
      `${kit.network} step, ${`${kit.batch}x${kit.size}`.replaceAll("x", "×")}`,
      kit.engine!,
      kit,
      fastestPeer(kit, steps, `${place}/step.csv`),
      `${place}/step.csv`,
    )
  );
  const scanRows = scans.filter(isKit).map((kit) => {
    const peers = scans.filter((peer) => peer.date === kit.date && peer.size === kit.size && !isKit(peer));
    const peer = peers.toSorted((a, b) => Number(a.seconds_median) - Number(b.seconds_median))[0]!;
    return row(`scan of ${kit.slices} slices to ${kit.size!.replaceAll("x", "×")}`, "–", kit, peer, "preprocess.csv");
  });
  const headings = ["what", "engine", "kit|seconds", "fastest peer|which", "fastest peer|seconds", "ratio"];
  return textTable("benchmarks", "ours", headings, [...stepRows, ...scanRows], { left: 2 });
}
