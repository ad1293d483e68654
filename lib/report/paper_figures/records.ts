/** Figures of committed records outside of runs: the demo's dataset, benchmarks, the saliency experiment. */
import { join } from "node:path";
import { readBenchmarkRatios } from "../benchmark_records.ts";
import { benchmarkRatios } from "../figures/benchmark_ratios.ts";
import { depthHistogram } from "../figures/depth_histogram.ts";
import { lesionRatios } from "../figures/lesion_ratios.ts";
import { saliencyFigure } from "../figures/saliency.ts";
import { readSaliencyMontage } from "./saliency_montage.ts";
import { type FigureSource, NoRecord, readTable } from "./source.ts";

const depths: FigureSource = {
  names: ["depth-histogram"],
  draw: async ({ root }) => {
    const rows = await readTable(root, "figures/demo/depth-histogram.csv", ["scan", "split", "class", "slices"]);
    const scans = rows.map((row) => ({
      key: row.scan!,
      split: row.split!,
      ...(row.class === "unlabelled" ? {} : { presence: row.class === "COVID-19" }),
      slices: new Array<string>(Number(row.slices)).fill(""),
    }));
    return [depthHistogram({ scans, note: "Synthetic scans, made like the demo's." })];
  },
};

const benchmarks: FigureSource = {
  names: ["benchmark-ratios"],
  draw: async ({ root }) => {
    const ratios = await readBenchmarkRatios(join(root, "figures", "benchmarks"));
    if (ratios.length === 0) throw new NoRecord("figures/benchmarks has no measurement of the kit beside a peer");
    return [benchmarkRatios({ ratios })];
  },
};

const ratioColumns = ["trained", "trained_low", "trained_high", "random", "random_low", "random_high"] as const;

const lesions: FigureSource = {
  names: ["lesion-ratios"],
  draw: async ({ root }) => {
    const columns = ["seed", "method", "layer", "scans", ...ratioColumns, "ceiling"];
    const rows = await readTable(root, "figures/saliency/lesion-ratio.csv", columns);
    const ratios = rows.map((row) => {
      const number = (column: string) => Number(row[column]);
      return {
        seed: number("seed"),
        method: row.method!,
        layer: row.layer!,
        scans: number("scans"),
        trained: number("trained"),
        trainedLow: number("trained_low"),
        trainedHigh: number("trained_high"),
        random: number("random"),
        randomLow: number("random_low"),
        randomHigh: number("random_high"),
        ceiling: number("ceiling"),
      };
    });
    return [lesionRatios({ ratios })];
  },
};

/** As much of the montage as a page holds: its first scans, three slices of each. */
const saliency: FigureSource = {
  names: ["saliency"],
  draw: async ({ root }) => {
    const { items, what } = await readSaliencyMontage(root);
    const shown = items.slice(0, 2).map((item) => ({ ...item, pictures: item.pictures.slice(0, 3) }));
    return [saliencyFigure({ items: shown, what })];
  },
};

export const recordSources: readonly FigureSource[] = [depths, benchmarks, saliency, lesions];
