/**
 * What fills the airspaces. A COVID scan has patches: a field of several wavelengths that prefers the periphery, the
 * back and the base, cut where the wanted share of the lung lies above the cut. A negative scan gets the same amount of
 * extra density (of a patchy scan that is never shown), but arranged smoothly (dependent, perihilar or diffuse), value by
 * value, so that grey levels alone do not tell the two apart. (A recipe may give smooth density to both classes or to
 * none.) Everything else (emphysema, scars, nodules, effusions) is drawn alike for both.
 */
import type { RandomStream } from "../../random.ts";
import type { Severity } from "../types.ts";
import type { Anatomy } from "./anatomy.ts";
import { commonFindings } from "./common_findings.ts";
import { type LungPoint, lungPoints, type OpacityGrid, opacityGrid, type Score } from "./lung_points.ts";
import { between, clamp01, noiseField } from "./noise.ts";

export type Grade = Exclude<Severity, "undefined">;

/** Share of the lung that is affected, by grade: below 25 %, 25–50 %, 50–75 %, above 75 %. */
export const extentByGrade: Readonly<Record<Grade, readonly [number, number]>> = {
  mild: [0.12, 0.22],
  moderate: [0.32, 0.45],
  severe: [0.55, 0.7],
  critical: [0.8, 0.93],
};
/** Share of the affected lung that is consolidated. */
const denseShareByGrade: Readonly<Record<Grade, readonly [number, number]>> = {
  mild: [0.1, 0.18],
  moderate: [0.16, 0.24],
  severe: [0.24, 0.33],
  critical: [0.33, 0.45],
};

/** HU that ground glass adds to aerated lung. */
const hazeByGrade: Readonly<Record<Grade, readonly [number, number]>> = {
  mild: [260, 330],
  moderate: [265, 340],
  severe: [270, 350],
  critical: [275, 365],
};

/** Fields on a coarse grid over the chest, sampled trilinearly when a slice is painted. */
export interface Opacity {
  readonly isLesion: boolean;
  /** Wanted share of the lung. */
  readonly extent: number;
  readonly grid: OpacityGrid;
  /** Interleaved [margin, dense margin, extra HU] at each grid point, x fastest. */
  readonly fields: Float32Array;
  /** HU that a hazy (ground-glass) voxel gains, and a consolidated one. */
  readonly haze: number;
  readonly solid: number;
}

export interface OpacityOptions {
  readonly anatomy: Anatomy;
  /** The grade whose extent is drawn; for negatives only the amount of smooth density. */
  readonly grade: Grade;
  readonly isLesion: boolean;
  /** Smooth density to add too, in units of what a patchy scan of this grade has. */
  readonly smoothAmount: 0 | 1 | 2;
  readonly random: RandomStream;
}

/** Half-widths of the edges in units of the margins, and how much fine texture frays them. */
const edge = 0.22, denseEdge = 0.5, fray = 0.16;

/** Share of a voxel that is affected. */
export function affectedShare(margin: number, grain: number): number {
  return ramp(margin + fray * grain, edge);
}

/** HU that an affected voxel gains: haze, turning into consolidation. */
export function gainedHu(
  affected: number,
  dense: number,
  grain: number,
  { haze, solid }: Pick<Opacity, "haze" | "solid">,
): number {
  const hazy = haze * affected;
  return hazy + (solid - hazy) * affected * ramp(dense + 0.5 * fray * grain, denseEdge);
}

/** Smooth step from −width to +width. */
function ramp(value: number, width: number): number {
  const t = clamp01(0.5 + 0.5 * value / width);
  return t * t * (3 - 2 * t);
}

export function drawOpacity({ anatomy, grade, isLesion, smoothAmount, random }: OpacityOptions): Opacity {
  const extent = between(random, ...extentByGrade[grade]);
  const denseShare = between(random, ...denseShareByGrade[grade]);
  const looks = { haze: between(random, ...hazeByGrade[grade]), solid: between(random, 620, 780) };
  const grid = opacityGrid(anatomy);
  const points = lungPoints(anatomy, grid);
  const scored = (score: Score) => {
    const scores = new Float64Array(points.length);
    for (let i = 0; i < scores.length; i++) scores[i] = score(points[i]!);
    return scores;
  };
  const margins = marginsOf(points, scored(lesionScore(random)), extent);
  const dense = denseMarginsOf(points, scored(denseLesionScore(random)), margins, denseShare);
  const extra = scored(commonFindings(anatomy, random));
  const gains = margins.map((margin, i) => gainedHu(affectedShare(margin, 0), dense[i]!, 0, looks));
  const smoothly = (values: Float64Array) => rearrange(points, values, scored(smoothScore(anatomy, random)));
  if (smoothAmount > 0) {
    let smooth = smoothly(gains);
    // What a positive has in all, put in another order: sums of two densities have another histogram than one.
    if (smoothAmount === 2) smooth = smoothly(smooth.map((gain, i) => gain + gains[i]!));
    smooth.forEach((gain, i) => extra[i]! += gain);
  }
  const fields = new Float32Array(grid.n ** 3 * 3);
  points.forEach(({ index }, i) => {
    fields[3 * index] = isLesion ? margins[i]! : -10;
    fields[3 * index + 1] = dense[i]!;
    fields[3 * index + 2] = extra[i]!;
  });
  return { isLesion, extent, grid, fields, ...looks };
}

/** Peripheral, posterior and basal preference, bilateral with a little asymmetry, broken up by two wavelengths. */
function lesionScore(random: RandomStream): Score {
  const coarse = noiseField(random, between(random, 46, 64)), fine = noiseField(random, between(random, 20, 28));
  const periphery = between(random, 0.5, 1), back = between(random, 0.25, 0.5), base = between(random, 0.2, 0.5);
  const side = between(random, -0.12, 0.12);
  return ({ x, y, z, back: behind, t, depth }) =>
    periphery * (1 - clamp01(depth / 36)) + back * behind + base * t + (x < 0 ? side : -side) +
    coarse.at(x, y, z) + 0.95 * fine.at(x, y, z);
}

function denseLesionScore(random: RandomStream): Score {
  const coarse = noiseField(random, between(random, 22, 32)), fine = noiseField(random, 12);
  return ({ x, y, z, back, t }) => coarse.at(x, y, z) + 0.45 * fine.at(x, y, z) + 0.2 * back + 0.15 * t;
}

/** Dependent (gravity), perihilar (as in oedema) or basal: alike on both sides, one long wavelength, no edges. */
function smoothScore({ mediastinum, lungHeight, halfWidth }: Anatomy, random: RandomStream): Score {
  const field = noiseField(random, between(random, 110, 170));
  const weights = [random.uniform(), random.uniform(), random.uniform()] as const;
  const total = weights[0] + weights[1] + weights[2];
  const [gravity, central, base] = weights.map((weight) => 1.6 * weight / total) as [number, number, number];
  return ({ x, y, z, back, t }) => {
    const dx = (Math.abs(x) - mediastinum - 10) / halfWidth, dz = z / lungHeight - 0.5;
    const hilum = Math.sqrt(dx * dx + dz * dz + (y * y) / (halfWidth * halfWidth));
    return gravity * back + base * t - 1.3 * central * hilum + 0.3 * field.at(Math.abs(x), y, z);
  };
}

/** The values at the points inside the lungs (and where `where` is positive), in rising order. */
function sortedInside(
  points: readonly LungPoint[],
  values: ArrayLike<number>,
  where?: ArrayLike<number>,
): Float64Array {
  const kept = new Float64Array(points.length);
  let count = 0;
  for (let i = 0; i < points.length; i++) {
    if (points[i]!.inside && (where === undefined || where[i]! > 0)) kept[count++] = values[i]!;
  }
  return kept.subarray(0, count).sort();
}

/** The value that a share `share` of a sorted list exceeds. */
const exceededBy = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor((1 - share) * sorted.length))] ?? Infinity;

/** Scores relative to the value that a share `extent` of the lung exceeds, in units of their standard deviation. */
function marginsOf(points: readonly LungPoint[], scores: Float64Array, extent: number): Float64Array {
  const inside = sortedInside(points, scores);
  const cut = exceededBy(inside, extent);
  let sum = 0, squares = 0;
  for (const value of inside) sum += value, squares += value * value;
  const variance = squares / inside.length - (sum / inside.length) * (sum / inside.length);
  const scale = 1 / Math.sqrt(variance || 1);
  return scores.map((value) => (value - cut) * scale);
}

/** Cut so that the wanted share of the affected lung lies above it. */
function denseMarginsOf(
  points: readonly LungPoint[],
  scores: Float64Array,
  margins: Float64Array,
  share: number,
): Float64Array {
  const cut = exceededBy(sortedInside(points, scores, margins), share);
  return scores.map((value) => 4 * (value - cut));
}

/** The same values inside the lungs, put in the order of `scores`: the highest value goes to the highest score. */
function rearrange(points: readonly LungPoint[], values: Float64Array, scores: Float64Array): Float64Array {
  const sortedValues = sortedInside(points, values), sortedScores = sortedInside(points, scores);
  return scores.map((score) => {
    let low = 0, high = sortedScores.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sortedScores[middle]! < score) low = middle + 1;
      else high = middle;
    }
    return sortedValues[low] ?? 0;
  });
}
