/** How fast the kit is beside its peers (figures/benchmarks). */
import { join } from "node:path";
import { type BenchmarkMeasurement, readBenchmarkRatios, readBenchmarks } from "../../benchmark_records.ts";
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
    await readCsv(benchmarkFamily, root, `${place}/step.csv`, stepColumns);
    await readCsv(benchmarkFamily, root, `${place}/preprocess.csv`, ["side", "seconds_median", "ratio"]);
    await readCsv(benchmarkFamily, root, `${place}/conv.csv`, ["shape", "pass", "side", "matmul_share"]);
    const measurements = await readBenchmarks(join(root, place));
    const of = (benchmark: string) => measurements.filter(({ source }) => source.benchmark === benchmark);
    const steps = of("training step"), scans = of("preprocessing").filter(({ kit }) => kit.scans === "1");
    const conv = of("3-D convolution").filter(({ engine }) => engine === "wasm");
    const ratios = await readBenchmarkRatios(join(root, place));
    return {
      numbers: [...steps.flatMap(stepNumbers), ...scans.flatMap(scanNumbers), ...convNumbers(conv)],
      tables: [timeTable(steps, scans)],
      figures: [{ provenance: "ours", figure: benchmarkRatios({ ratios, name: "benchmark-ratios" }) }],
    };
  },
};

/** Only what differs from the usual (`tensorflow` on the CPU, batch 1) is part of a key. */
function stepKey({ kit, engine, device }: BenchmarkMeasurement): string {
  const unusual = [
    engine === "tensorflow" ? "" : `${keyPart(engine)}.`,
    device.endsWith(" cores") ? "" : `${keyPart(device)}.`,
    kit.batch === "1" ? "" : `batch-${kit.batch}.`,
  ].join("");
  return `bench.step.${unusual}${keyPart(kit.network!)}.${kit.size}`;
}

function stepNumbers(measurement: BenchmarkMeasurement): PaperNumber[] {
  const { kit, peer } = measurement, file = `${place}/step.csv`, key = stepKey(measurement);
  const source = `${file}: ${kit.network} at ${kit.size}, batch ${kit.batch}`;
  const memory = cell(kit, "peak_resident_bytes", file) / cell(peer, "peak_resident_bytes", file);
  return [
    { key: `${key}.kit`, value: fixed(cell(kit, "seconds_median", file), 2), source },
    { key: `${key}.peer`, value: fixed(cell(peer, "seconds_median", file), 2), source: `${source}, ${peer.side}` },
    { key: `${key}.ratio`, value: fixed(cell(kit, "ratio", file), 2), source },
    { key: `${key}.memory-ratio`, value: fixed(memory, 2), source: `${source}: peak_resident_bytes` },
  ];
}

function scanNumbers({ kit }: BenchmarkMeasurement): PaperNumber[] {
  const file = `${place}/preprocess.csv`, key = `bench.preprocess.${kit.size}`;
  const source = `${file}: ${kit.slices} slices to ${kit.size}`;
  return [
    { key: `${key}.kit`, value: fixed(cell(kit, "seconds_median", file), 2), source },
    { key: `${key}.ratio`, value: fixed(cell(kit, "ratio", file), 2), source },
    { key: `${key}.slices`, value: kit.slices!, source },
  ];
}

/** The WebAssembly convolutions: range of their time over PyTorch's, and of their share of a matrix product's rate. */
function convNumbers(measurements: readonly BenchmarkMeasurement[]): PaperNumber[] {
  const file = `${place}/conv.csv`, kit = measurements.map(({ kit }) => kit);
  const ratios = kit.map((row) => cell(row, "ratio", file)), shares = kit.map((row) => cell(row, "matmul_share", file));
  return [
    { key: "bench.conv.ratio.least", value: fixed(Math.min(...ratios), 1), source: `${file}: ratio` },
    { key: "bench.conv.ratio.most", value: fixed(Math.max(...ratios), 1), source: `${file}: ratio` },
    { key: "bench.conv.share.least", value: percent(Math.min(...shares)), source: `${file}: matmul_share` },
    { key: "bench.conv.share.most", value: percent(Math.max(...shares)), source: `${file}: matmul_share` },
  ];
}

function timeTable(steps: readonly BenchmarkMeasurement[], scans: readonly BenchmarkMeasurement[]): PaperTable {
  const row = (what: string, engine: string, { kit, peer }: BenchmarkMeasurement, file: string) => {
    const own = cell(kit, "seconds_median", file), other = cell(peer, "seconds_median", file);
    return [what, engine, fixed(own, 2), peer.side!, fixed(other, 2), fixed(own / other, 2)];
  };
  const stepRows = steps.map((step) =>
    row(`${step.kit.network} step, ${step.source.size(step.kit)}`, step.engine, step, `${place}/step.csv`)
  );
  const scanRows = scans.map((scan) =>
    row(`scan of ${scan.kit.slices} slices to ${scan.source.size(scan.kit)}`, "–", scan, `${place}/preprocess.csv`)
  );
  const headings = ["what", "engine", "kit|seconds", "fastest peer|which", "fastest peer|seconds", "ratio"];
  return textTable("benchmarks", "ours", headings, [...stepRows, ...scanRows], { left: 2 });
}
