import { describe, expect, test } from "vitest";
import Papa from "papaparse";
import sharp from "sharp";
import { fileURLToPath } from "node:url";
import { publishedTable3 } from "../../lib/data/published.ts";
import { matchedContrasts, signTest, summarizeContrast } from "../../lib/data/published_effects.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { stageShapes } from "../../lib/nn/cost.ts";
import { uniformFanIn } from "../../lib/nn/initial.ts";
import { planNetwork } from "../../lib/nn/plan.ts";
import { receptiveFields } from "../../lib/nn/receptive_field.ts";
import { readBenchmarkRatios } from "../../lib/report/benchmark_records.ts";
import { parseSvg } from "../../lib/report/dom.ts";
import { type Figure, figureContents, toCsv } from "../../lib/report/figure.ts";
import { benchmarkRatios } from "../../lib/report/figures/benchmark_ratios.ts";
import { distortionMap } from "../../lib/report/figures/distortion_map.ts";
import { growth } from "../../lib/report/figures/growth.ts";
import { intensityHistogram } from "../../lib/report/figures/intensity_histogram.ts";
import { lesionRatios } from "../../lib/report/figures/lesion_ratios.ts";
import { lossCurves } from "../../lib/report/figures/loss_curves.ts";
import { networkDiagram } from "../../lib/report/figures/network_diagram.ts";
import { oneCycleCurves } from "../../lib/report/figures/one_cycle_curves.ts";
import { receptiveFieldFigure } from "../../lib/report/figures/receptive_field.ts";
import { resamplingFigure } from "../../lib/report/figures/resampling.ts";
import { smoothingDiagram } from "../../lib/report/figures/smoothing_diagram.ts";
import { stemFilters } from "../../lib/report/figures/stem_filters.ts";
import { table3Effects, table3Scores } from "../../lib/report/figures/table3_effects.ts";
import { volumeSizes } from "../../lib/report/figures/volume_sizes.ts";
import { paperFigures } from "../../lib/report/paper_figures/mod.ts";
import { overlaps, textBoxes } from "../support/text_boxes.ts";

const filters = { dtype: "F32", shape: [16, 2, 3, 7, 7], data: uniformFanIn([16, 2, 3, 7, 7], 1, "stem") } as const;
const ratio = { benchmark: "step", engine: "wasm", peer: "other", processor: "CPU, 2 cores", date: "2026-01-01" };
const counts = (middle: number) =>
  Array.from({ length: 256 }, (_, value) => Math.round(1000 * Math.exp(-(((value - middle) / 20) ** 2))));

const makers: Record<string, () => Figure | Promise<Figure>> = {
  "volume sizes": () => volumeSizes(),
  "network": () => networkDiagram(),
  "network of another kind": () =>
    networkDiagram({
      network: networkConfig({ model: "r2plus1d_18", outputs: 1, penultimate: 0, dropout: 0, pool: "max" }),
      size: { depth: 64, height: 128, width: 128 },
    }),
  "one cycle": () => oneCycleCurves(),
  "losses": () => lossCurves(),
  "smoothing": () => smoothingDiagram(),
  "table 3 effects": () => table3Effects({ experiments: publishedTable3() }),
  "table 3 scores": () => table3Scores({ experiments: publishedTable3() }),
  "benchmark ratios": () =>
    benchmarkRatios({
      ratios: [
        { ...ratio, task: "step of r3d_18, 1×64×128×128", ratio: 1.1, low: 0.9, high: 1.3 },
        { ...ratio, task: "conv 64→64", engine: "tensorflow", ratio: 6, low: 5, high: 7 },
        { ...ratio, task: "250 slices", engine: "no engine", ratio: 0.7, low: 0.6, high: 0.9 },
      ],
    }),
  "growth": () =>
    growth({
      name: "growth-step",
      title: "Growth",
      caption: "Seconds and memory.",
      xLabel: "voxels",
      panels: ["seconds per step", "peak memory (GB)"].map((yLabel, i) => ({
        yLabel,
        points: ["kit tensorflow", "pytorch channels_last_3d"].flatMap((side, k) =>
          [65536, 131072, 1048576].map((x) => ({ side, x, y: x / 1e5 + i + k }))
        ),
      })),
    }),
  "resampling": () => resamplingFigure({ side: 48, smallSide: 12 }),
  "distortion": () => distortionMap(),
  "receptive field": () => receptiveFieldFigure(),
  "intensities": () =>
    intensityHistogram({
      samples: [{ label: "COVID-19", scans: 2, counts: counts(60) }, {
        label: "non-COVID-19",
        scans: 3,
        counts: counts(90),
      }],
    }),
  "lesion ratios": () =>
    lesionRatios({
      groups: (["fresh", "settled"] as const).map((random, g) => ({
        ...{ recipe: ["demo", "lesions"][g]!, heading: ["Default phantom", "Lesions alone"][g]!, random },
        ratios: ["stem", "layer1"].map((layer, i) => ({
          seed: 1,
          method: "gradcam",
          layer,
          scans: 40,
          ...{ trained: 1.5 + i + g, trainedLow: 1 + i + g, trainedHigh: 2 + i + g },
          ...{ random: 1, randomLow: 0.9, randomHigh: 1.1, ceiling: 6 + g * i },
        })),
      })),
    }),
  "stem filters": () => stemFilters({ state: new Map([["stem.0.weight", filters]]), source: "random weights" }),
};

/** Width of a column of text in the paper's class (LNCS), in points. */
const columnWidth = 12.2 / 2.54 * 72;

describe.each(Object.entries(makers))("%s", (name, make) => {
  test("reads well at column width: letters of 7 points, none over another, none beyond the page", async () => {
    const { svg } = await make();
    const page = parseSvg(svg),
      width = Number(page.getAttribute("width")),
      height = Number(page.getAttribute("height"));
    const boxes = textBoxes(svg);
    expect(boxes.length).toBeGreaterThan(1);
    for (const { text, size, left, top, right, bottom } of boxes) {
      expect(size * Math.min(1, columnWidth / width), text).toBeGreaterThan(6.95);
      expect(Math.min(left, top, width - right, height - bottom), text).toBeGreaterThan(-1);
    }
    expect(overlaps(boxes)).toEqual([]);
  });

  test("is the same each time, with its numbers as CSV, and becomes PNG and PDF", async () => {
    const figure = await make();
    expect((await make()).svg).toBe(figure.svg);
    expect(figure.svg).not.toMatch(/NaN|undefined/);
    expect(parseSvg(figure.svg).querySelector("desc")?.textContent).toBe(figure.caption);
    expect(figure.svg.replaceAll(/data:image\/[^"]+/g, "data:…")).toMatchSnapshot(name);
    const { data } = Papa.parse(toCsv(figure.rows), { header: true, skipEmptyLines: true });
    expect(data).toHaveLength(figure.rows.length);
    expect(data.length).toBeGreaterThan(0);
    const { png, pdf } = await figureContents(figure, { pngScale: 1 });
    expect((await sharp(png as Uint8Array).stats()).isOpaque).toBe(true);
    expect(new TextDecoder("latin1").decode(pdf as Uint8Array).startsWith("%PDF-")).toBe(true);
    expect((pdf as Uint8Array).length).toBeLessThan(120_000);
  });
});

describe("matched pairs of Table 3", () => {
  const rows = publishedTable3(), contrasts = matchedContrasts(rows);
  const contrast = (factor: string, from: string, to: string) =>
    contrasts.find((one) => one.factor === factor && one.from === from && one.to === to);

  test("each pair differs in its factor, in nothing else that matters, and each such pair is there once", () => {
    const one = contrast("λ", "0.1", "0.9")!;
    expect(one.pairs.map(({ from, to }) => [from, to])).toEqual([[1, 11], [2, 6], [7, 14], [21, 25]]);
    const severity = one.pairs.map(({ difference }) => difference.severity!);
    [0.1859, 0.1952, 0.3122, 0.2378].forEach((value, i) => expect(severity[i]).toBeCloseTo(value, 10));
    expect(one.pairs[0]!.difference.presence).toBeCloseTo(0.9277 - 0.9476, 10);
    const keys = contrasts.flatMap(({ pairs }) => pairs.map(({ from, to }) => `${from} ${to}`));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("a smoothing that the loss does not use is no difference", () => {
    // Rows 20 (λ = 0, ε2 = 0) and 12 (λ = 0.1, ε2 = 0.1), 22 and 20 (λ = 0, ε2 = 0.1 and 0).
    expect(contrast("λ", "0", "0.1")?.pairs.map(({ from, to }) => [from, to])).toContainEqual([20, 12]);
    expect(contrast("ε1", "0", "0.1")?.pairs.map(({ from, to }) => [from, to])).toContainEqual([22, 20]);
    expect(contrast("ε2", "0", "0.1")?.pairs.flatMap(({ from, to }) => [from, to])).not.toContain(20);
  });

  test("summaries: mean, range and the exact sign test; null where no pair has a score", () => {
    const size = summarizeContrast(contrast("size", "64×128×128", "160×320×320")!, "presence")!;
    expect(size).toMatchObject({ pairs: 4, up: 4, signTest: 0.125 });
    expect(size.mean).toBeCloseTo((0.0293 + 0.0208 + 0.0189 + 0.0215) / 4, 10);
    expect(summarizeContrast(contrast("λ", "0", "0.1")!, "severity")).toBeNull();
    expect(signTest(5, 0)).toBe(2 / 32);
    expect(signTest(4, 1)).toBe(12 / 32);
    expect(signTest(2, 2)).toBe(1);
  });
});

test("receptive fields: by hand for r3d_18; strides are those of the real shapes in every model", () => {
  const fields = receptiveFields(planNetwork(networkConfig({ model: "r3d_18" })));
  expect(fields.map(({ stage, voxels, stride }) => [stage, ...voxels, ...stride])).toEqual([
    ["stem", 3, 7, 7, 1, 2, 2],
    ["layer1", 11, 23, 23, 1, 2, 2],
    ["layer2", 25, 51, 51, 2, 4, 4],
    ["layer3", 53, 107, 107, 4, 8, 8],
    ["layer4", 109, 219, 219, 8, 16, 16],
  ]);
  for (const model of ["mc3_18", "r2plus1d_18", "tiny"] as const) {
    const plan = planNetwork(networkConfig({ model })), size = { depth: 64, height: 128, width: 128 };
    const shapes = stageShapes(plan, size);
    for (const { stage, stride } of receptiveFields(plan)) {
      expect(shapes.get(stage)!.slice(1)).toEqual([64 / stride[0], 128 / stride[1], 128 / stride[2]]);
    }
  }
});

describe("benchmark records", () => {
  const write = async (name: string, text: string) => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return folder;
  };
  const head = "date,processor,cores,engine,network,size,batch,side,seconds_min,seconds_median,seconds_max\n";
  const row = (date: string, side: string, times: string) => `${date},CPU,2,wasm,tiny,16x64x64,1,${side},${times}\n`;

  test("the kit against its fastest peer, of the latest session that has one; kit alone gives nothing", async () => {
    const folder = await write(
      "step.csv",
      head + row("2026-01-01", "kit wasm", "1,1,1") + row("2026-01-01", "pytorch", "1,1,1") +
        row("2026-01-02", "kit wasm", "2,3,4") + row("2026-01-02", "pytorch a", "5,6,7") +
        row("2026-01-02", "pytorch b", "1,2,2.5") + row("2026-01-02", "kit wasm", "9,9,9").replace("tiny", "r3d_18") +
        row("2026-01-03", "kit wasm", "1,1,1"),
    );
    expect(await readBenchmarkRatios(folder)).toEqual([
      expect.objectContaining({
        task: "step of tiny, 1×16×64×64",
        peer: "pytorch b",
        ratio: 1.5,
        low: 0.8,
        high: 4,
        processor: "CPU, 2 cores",
      }),
    ]);
  });

  test("a row without times is refused; no folder gives nothing; the committed ones are read", async () => {
    const folder = await write("step.csv", head + row("2026-01-01", "kit", ",,") + row("2026-01-01", "peer", "1,1,1"));
    await expect(readBenchmarkRatios(folder)).rejects.toMatchObject({ code: "benchmarks.unreadable" });
    expect(await readBenchmarkRatios("/nowhere")).toEqual([]);
    const committed = await readBenchmarkRatios(fileURLToPath(new URL("../../figures/benchmarks", import.meta.url)));
    expect(committed.map(({ benchmark }) => benchmark)).toContain("training step");
  });
});

test("figures of growth: of the last session, without what was left out; no record, no figure", async () => {
  const root = await Deno.makeTempDir(), skipped: string[] = [];
  const draw = (only: string) => paperFigures({ root, only, onSkip: ({ reason }) => skipped.push(reason) });
  expect(await draw("growth-step")).toEqual([]);
  expect(skipped).toEqual(["figures/benchmarks/step_growth.csv is not there"]);
  const row = (date: string, size: string, voxels: number | "", side: string, seconds: string, bytes: string) =>
    [date, "CPU", 2, size, voxels, side, seconds, bytes].join(",") + "\n";
  await Deno.mkdir(`${root}/figures/benchmarks`, { recursive: true });
  await Deno.writeTextFile(
    `${root}/figures/benchmarks/step_growth.csv`,
    "date,processor,cores,size,voxels,side,seconds_median,peak_resident_bytes\n" +
      row("2026-01-01", "8x8x8", 512, "kit wasm", "9", "9") +
      row("2026-01-02", "16x16x16", 4096, "kit wasm", "1.5", "2000000000") +
      row("2026-01-02", "32x32x32", "", "kit wasm", "", ""),
  );
  const [figure] = await draw("growth-step");
  expect(figure!.rows).toEqual([
    { what: "seconds per step", side: "kit wasm", voxels: 4096, value: 1.5 },
    { what: "peak memory (GB)", side: "kit wasm", voxels: 4096, value: 2 },
  ]);
  expect(figure!.caption).toContain("CPU, 2 cores, 2026-01-02");
});

test("stemFilters says which tensor is missing", async () => {
  await expect(stemFilters({ state: new Map() })).rejects.toMatchObject({ code: "figure.filters" });
});
