/** The committed records of the saliency experiment (test/experiments/saliency), one for each of its recipes. */
import type { CsvRow } from "./csv_record.ts";
import type { LesionRatio } from "./figures/lesion_ratios.ts";

export interface SaliencyRecord {
  /** The experiment's `--recipe`. */
  readonly recipe: "demo" | "lesions";
  /** Which network on which phantom, as a heading. */
  readonly heading: string;
  /** Folder of the record, relative to the repository. */
  readonly place: string;
  /** What makes the record. */
  readonly command: string;
  /** Random networks that count: fresh ones ("random") or those whose batch norms have met the scans ("settled"). */
  readonly control: "random" | "settled";
}

const experiment = "deno run -A test/experiments/saliency/main.ts";

export const saliencyRecords: readonly SaliencyRecord[] = [
  {
    recipe: "demo",
    heading: "The demo's networks, default phantom",
    place: "figures/saliency",
    command: `${experiment} --recipe demo --work DIR --out figures/saliency --seeds 2,1 --engine tensorflow ` +
      "--methods gradcam,layercam --layers layer2,layer1,stem --random 4",
    control: "random",
  },
  {
    recipe: "lesions",
    heading: "Small field of view, lesions the only density",
    place: "figures/saliency/lesions",
    command: `${experiment} --recipe lesions --work DIR --out figures/saliency/lesions --seeds 81,82,83 ` +
      "--engine tensorflow --layers layer2,layer1 --random 8",
    control: "settled",
  },
];

/** The table of lesion ratios, relative to the repository. */
export function ratioFile({ place }: SaliencyRecord): string {
  return `${place}/lesion-ratio.csv`;
}

/** Columns of the table that a record has to have. */
export function ratioColumns({ control }: SaliencyRecord): string[] {
  const means = ["trained", control].flatMap((column) => [column, `${column}_low`, `${column}_high`]);
  return ["seed", "presence_f1", "method", "layer", "scans", ...means, "ceiling"];
}

/** @param number reads a cell of the row and refuses what is no number */
export function lesionRatio(
  { control }: SaliencyRecord,
  row: CsvRow,
  number: (row: CsvRow, column: string) => number,
): LesionRatio {
  return {
    seed: number(row, "seed"),
    method: row.method!,
    layer: row.layer!,
    scans: number(row, "scans"),
    trained: number(row, "trained"),
    trainedLow: number(row, "trained_low"),
    trainedHigh: number(row, "trained_high"),
    random: number(row, control),
    randomLow: number(row, `${control}_low`),
    randomHigh: number(row, `${control}_high`),
    ceiling: number(row, "ceiling"),
  };
}
