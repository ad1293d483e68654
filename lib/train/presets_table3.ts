/** A preset for each of the 28 experiments of the paper's Table 3, made from data/published/table3.csv. */
import { type PublishedExperiment, publishedTable3 } from "../data/published.ts";
import { formatSize } from "../data/size.ts";
import { mergeConfig, type PartialTrainConfig } from "./merge_config.ts";
import type { Preset } from "./presets.ts";

/** "table3/1" … "table3/28", in the table's order: `paper` with the row's columns over it. */
export function table3Presets(paper: PartialTrainConfig): Preset[] {
  return publishedTable3().map((row) => ({
    name: `table3/${row.id}`,
    description: describe(row),
    config: mergeConfig(paper, columns(row)),
    published: row,
  }));
}

function columns(row: PublishedExperiment): PartialTrainConfig {
  const { size, reflection, epochs, severityFactor, presenceSmoothing, severitySmoothing } = row;
  return {
    name: `table3-${row.id}`,
    epochs,
    reflection: reflection ? 0.5 : 0,
    data: { size },
    loss: { severityFactor, presenceSmoothing, severitySmoothing },
    needsPretrained: true,
  };
}

function describe({ id, size, severityFactor, epochs }: PublishedExperiment): string {
  return `row ${id} of the paper's Table 3: ${formatSize(size)}, λ = ${severityFactor}, ${epochs} epochs, ` +
    "from Kinetics weights";
}
