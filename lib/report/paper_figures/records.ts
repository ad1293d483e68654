/** Figures of committed records outside of runs: the demo's dataset, benchmarks, the saliency experiment. */
import { join } from "node:path";
import { readBenchmarkRatios } from "../benchmark_records.ts";
import type { CsvRow } from "../csv_record.ts";
import { benchmarkRatios } from "../figures/benchmark_ratios.ts";
import { depthHistogram } from "../figures/depth_histogram.ts";
import { type LesionRatioGroup, lesionRatios } from "../figures/lesion_ratios.ts";
import { saliencyFigure } from "../figures/saliency.ts";
import { lesionRatio, ratioColumns, ratioFile, saliencyRecords } from "../saliency_records.ts";
import { firstScans } from "./saliency_montage.ts";
import { type FigureSource, NoRecord, readTable, tableNumber } from "./source.ts";

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

const lesions: FigureSource = {
  names: ["lesion-ratios"],
  draw: async ({ root }) => {
    const groups = await Promise.all(saliencyRecords.map(async (record): Promise<LesionRatioGroup> => {
      const file = ratioFile(record), rows = await readTable(root, file, ratioColumns(record));
      const number = (row: CsvRow, column: string) => tableNumber(root, file, row, column);
      return {
        recipe: record.recipe,
        heading: record.heading,
        random: record.control === "settled" ? "settled" : "fresh",
        ratios: rows.map((row) => lesionRatio(record, row, number)),
      };
    }));
    return [lesionRatios({ groups })];
  },
};

/** As much of the montages as a page holds: the first scan of each, three slices of it. */
const saliency: FigureSource = {
  names: ["saliency"],
  draw: async ({ root }) => [saliencyFigure(await firstScans(root, 3))],
};

export const recordSources: readonly FigureSource[] = [depths, benchmarks, saliency, lesions];
