/** What came out for one scan, in words and numbers that later steps need. */
import type { LungCrop } from "../../data/lung_crop/crop.ts";
import { type Scan, severities } from "../../data/types.ts";
import { decode } from "../decode.ts";
import type { ExplainedScan } from "./cam.ts";
import type { GridMap } from "./grid_map.ts";
import { rankCorrelation } from "./rank_correlation.ts";
import type { Grade, SaliencyTarget } from "./target.ts";

export interface ScanSaliency {
  readonly scan: Scan;
  /** Names of the slices that were read, in order: the depth of the map's scan. */
  readonly slices: readonly string[];
  readonly logits: readonly number[];
  /** "presence", or the grade that is explained. */
  readonly explained: "presence" | Grade;
  /** The network's probability of it for this one view; null where the head gives none. */
  readonly probability: number | null;
  readonly map: GridMap;
  /** What the network saw of the scan, where its recipe crops. */
  readonly crop?: LungCrop;
  /** Maps of networks with random weights. */
  readonly random: readonly RandomMap[];
}

export interface RandomMap {
  readonly seed: number;
  readonly map: GridMap;
  /** Spearman's correlation with the trained network's map over the cells; null where one of them is constant. */
  readonly rankCorrelation: number | null;
}

export function explained(
  scan: Scan,
  { trained, random, skipped, crop }: {
    readonly trained: ExplainedScan;
    readonly random: readonly ExplainedScan[];
    readonly skipped: readonly string[];
    readonly crop?: LungCrop;
  },
  target: SaliencyTarget,
  seeds: readonly number[],
): ScanSaliency {
  const { logits, output, map } = trained;
  const { presenceProbability, severityProbabilities, severity } = decode(logits);
  const grade = logits.length === 2 ? severity ?? 0 : output - 1;
  return {
    scan,
    slices: scan.slices.filter((slice) => !skipped.includes(slice)),
    logits,
    explained: target.task === "presence" ? "presence" : severities[grade]!,
    probability: target.task === "presence" ? presenceProbability : severityProbabilities?.[grade] ?? null,
    map,
    ...(crop === undefined ? {} : { crop }),
    random: random.map((other, i) => ({
      seed: seeds[i]!,
      map: other.map,
      rankCorrelation: rankCorrelation(map.values, other.map.values),
    })),
  };
}
