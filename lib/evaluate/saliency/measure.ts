/** How well maps point at the planted lesions of a phantom: the lesion ratio over many scans, with intervals. */
import type { LungCrop } from "../../data/lung_crop/crop.ts";
import type { Recipe } from "../../data/size.ts";
import { readMask } from "../../data/masks.ts";
import type { Scan } from "../../data/types.ts";
import { DataError } from "../../errors.ts";
import { bootstrapInterval, type Interval } from "../intervals.ts";
import { type GridMap, gridPlaces, mapSlice } from "./grid_map.ts";
import { type LesionRatio, lesionRatio } from "./lesion_ratio.ts";
import type { SaliencyResult } from "./saliency.ts";
import { mean } from "../mean.ts";

/** One scan's numbers. */
export interface MeasuredScan {
  readonly scan: string;
  readonly severity: Scan["severity"];
  readonly probability: number | null;
  readonly lesionShare: number;
  /** 1 / lesionShare, at most 1 / 0.05: no map can do better. */
  readonly ceiling: number;
  readonly trained: number;
  /** Mean over the networks with random weights; null where there are none. */
  readonly random: number | null;
}

export interface LesionMeasure {
  readonly scans: readonly MeasuredScan[];
  /** Mean over the scans, with a bootstrap 95 % interval over scans (patients where they are known). */
  readonly trained: Interval;
  readonly random: Interval | null;
  readonly ceiling: number;
  /** Means of each random network alone. */
  readonly randomBySeed: readonly { readonly seed: number; readonly mean: number }[];
}

/** Scans of a split that have a lung mask and lesions in it. @throws DataError "masks-missing" */
export async function scansWithLesions(root: string, scans: readonly Scan[]): Promise<Scan[]> {
  const found: Scan[] = [];
  for (const scan of scans) {
    const lesion = scan.presence === false ? undefined : await readMask(root, scan, "lesion");
    const planes = Array.from({ length: lesion?.shape[0] ?? 0 }, (_, slice) => lesion!.plane(slice));
    if (planes.some((plane) => plane.some((voxel) => voxel !== 0))) found.push(scan);
  }
  if (found.length > 0) return found;
  throw new DataError("masks-missing", "no scan of this split has a lesion mask", {
    file: root,
    expected: "masks/<split>/<class>/<scan>-lesion.npy and -lung.npy, as a phantom has them",
  });
}

/** @throws DataError "masks-missing", "mask-shape" */
export async function measureLesions(
  { scans, recipe }: Pick<SaliencyResult, "scans" | "recipe">,
  root: string,
): Promise<LesionMeasure> {
  const measured: MeasuredScan[] = [], bySeed = new Map<number, number[]>();
  for (const { scan, slices, map, crop, random, probability } of scans) {
    if (slices.length !== scan.slices.length) continue; // masks have the slices that could not be read, too
    const ratios = await lesionRatios(root, { scan, crop }, recipe, [map, ...random.map((other) => other.map)]);
    const [trained, ...others] = ratios;
    if (trained?.ratio == null) continue;
    random.forEach(({ seed }, i) => bySeed.set(seed, [...bySeed.get(seed) ?? [], others[i]!.ratio!]));
    measured.push({
      scan: scan.key,
      severity: scan.severity,
      probability,
      lesionShare: trained.lesionShare,
      ceiling: trained.ceiling!,
      trained: trained.ratio,
      random: others.length === 0 ? null : mean(others.map(({ ratio }) => ratio!)),
    });
  }
  const patients = scans.filter(({ scan }) => measured.some(({ scan: key }) => key === scan.key))
    .map(({ scan }) => scan.patient);
  const interval = (values: readonly number[]) =>
    bootstrapInterval({
      items: values.length,
      statistic: (indices) => mean(indices.map((i) => values[i]!)),
      clusters: patients,
    });
  return {
    scans: measured,
    trained: interval(measured.map(({ trained }) => trained)),
    random: bySeed.size === 0 ? null : interval(measured.map(({ random }) => random!)),
    ceiling: mean(measured.map(({ ceiling }) => ceiling)),
    randomBySeed: [...bySeed].map(([seed, ratios]) => ({ seed, mean: mean(ratios) })),
  };
}

/** The ratios of several maps of one scan. */
async function lesionRatios(
  root: string,
  { scan, crop }: { readonly scan: Scan; readonly crop: LungCrop | undefined },
  recipe: Recipe,
  maps: readonly GridMap[],
): Promise<LesionRatio[]> {
  const lung = await readMask(root, scan, "lung"), lesion = await readMask(root, scan, "lesion");
  if (lung === undefined || lesion === undefined) {
    throw new DataError("masks-missing", "this scan has no masks", { file: `${root}/masks/${scan.key}-*.npy` });
  }
  return maps.map((map) => {
    const places = gridPlaces(map, lung.shape, recipe, crop);
    const slices = Array.from({ length: lung.shape[0] }, (_, slice) => slice).values();
    return lesionRatio(slices.map((slice) => ({
      map: mapSlice(map, places, slice),
      lung: lung.plane(slice),
      lesion: lesion.plane(slice),
    })));
  });
}
