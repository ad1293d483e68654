/**
 * Where the lung is, by the steps of the 2023 program's reader. Air is what is darker than a threshold; the table's thin
 * shells are closed with a vertical line; each lung has a seed; air that is connected with the border of the slices is not
 * lung; what remains is dilated by a ball of 3 voxels and the components with the seeds are kept. Where a seed is connected
 * with the border, the threshold falls and air is opened with larger and larger discs until it is not.
 *
 * The original begins at grey 90, which cuts off lungs that disease has made denser; here 150 and 120 come first, so that
 * 90 and the openings are for scans that leak. And a box that cannot be a pair of lungs is not believed.
 *
 * Intensities are 8-bit grey of the dataset's lung window, slices 512 × 512, so that the radii mean what they meant.
 */
import type { Box } from "../antialiased_resize.ts";
import type { VolumeSize } from "../types.ts";
import { BitVolume } from "./bit_volume.ts";
import { type Components, components, labelAt, select, touchingBorder } from "./components.ts";
import { closeVertically, dilateBall, dilateDisc, openDisc } from "./morphology.ts";
import { findSeeds, type Voxel } from "./seeds.ts";

/**
 * "no-lungs": no seed; "one-lung": a seed on one side only; "leak": always connected with the air outside; "implausible":
 * what was found is too small or too far from the centre to be a pair of lungs.
 */
export type LungFailure = "no-lungs" | "one-lung" | "leak" | "implausible";

export interface FoundLung {
  readonly kind: "lung";
  /** Around the dilated components. */
  readonly box: Box;
  /** The components, closed in each slice with a disc of 3 voxels; vessels and consolidations enclosed in a slice are filled. */
  readonly mask: BitVolume;
  readonly seeds: Readonly<Record<"left" | "right", Voxel>>;
  /** Grey below which a voxel is air, and radius of the opening: 150 and 0 where nothing leaks. */
  readonly threshold: number;
  readonly radius: number;
}

export interface NoLung {
  readonly kind: "none";
  readonly reason: LungFailure;
}

/** In this order, until one does. */
const attempts: readonly { readonly threshold: number; readonly radii: readonly number[] }[] = [
  { threshold: 150, radii: [0] },
  { threshold: 120, radii: [0] },
  ...[90, 80, 70].map((threshold) => ({ threshold, radii: [0, 5, 10, 15] })),
];
/** The original's threshold: what a plausible lung has to consist of. */
const surelyAir = 90;
const ballRadius = 3;

/** `voxels`: uint8 [depth, height, width]. */
export function findLung(voxels: Uint8Array, size: VolumeSize): FoundLung | NoLung {
  const failures: LungFailure[] = [], dark = BitVolume.below(voxels, size, surelyAir);
  for (const { threshold, radii } of attempts) {
    const air = closeVertically(BitVolume.below(voxels, size, threshold), 2);
    for (const radius of radii) {
      const found = attempt(air, radius, dark);
      if (typeof found === "object") return { ...found, threshold, radius };
      failures.push(found);
      if (found !== "leak") break; // a wider opening leaves even less
    }
  }
  // The most that was reached says most about the scan.
  const reached = (["implausible", "leak", "one-lung"] as const).find((reason) => failures.includes(reason));
  return { kind: "none", reason: reached ?? "no-lungs" };
}

type Attempt = Omit<FoundLung, "threshold" | "radius"> | LungFailure;

function attempt(air: BitVolume, radius: number, dark: BitVolume): Attempt {
  const opened = openDisc(air, radius), { left, right } = findSeeds(opened);
  if (left === undefined || right === undefined) return left === right ? "no-lungs" : "one-lung";
  const inside = withoutOutside(opened, { left, right });
  if (inside === undefined) return "leak";
  const lung = foundLung(radius === 0 ? inside : dilateDisc(inside, radius).and(air), { left, right });
  return isPlausible(lung, dark) ? lung : "implausible";
}

/** Smallest sides of a pair of lungs and farthest place of its centre from the middle, as shares of the volume. */
const plausible = { depth: 0.25, height: 0.25, width: 0.4, away: 0.15 } as const;
/**
 * Darkest voxels that are not in the mask, as a share of the mask, both in the middle half of the slices' width and height:
 * there is little there but lung, a stomach's gas at most.
 */
const mostMissed = 0.15;

function isPlausible({ box, mask }: Pick<FoundLung, "box" | "mask">, dark: BitVolume): boolean {
  const { start, end } = box, { size } = dark;
  const isCentred = (side: "height" | "width") =>
    Math.abs((start[side] + end[side]) / 2 / size[side] - 0.5) <= plausible.away;
  return (["depth", "height", "width"] as const).every((side) =>
    end[side] - start[side] >= plausible[side] * size[side]
  ) &&
    isCentred("height") && isCentred("width") && missedShare(mask, dark, box) <= mostMissed;
}

/** In the slices of the box. */
function missedShare(mask: BitVolume, dark: BitVolume, { start, end }: Box): number {
  const { width, height } = dark.size, centre = new BitVolume(dark.size);
  for (let z = start.depth; z < end.depth; z++) {
    for (let y = height >> 2; y < height - (height >> 2); y++) {
      centre.setRun(z * height + y, width >> 2, width - (width >> 2));
    }
  }
  const missed = centre.clone().and(dark).and(mask.not()).count();
  return missed / Math.max(1, centre.and(mask).count());
}

/** Air that is not connected with the border of the slices; undefined where a seed is. */
function withoutOutside(air: BitVolume, { left, right }: Record<"left" | "right", Voxel>): BitVolume | undefined {
  const parts = components(air), outside = touchingBorder(parts);
  if ([left, right].some((seed) => outside[labelOf(parts, seed)] === 1)) return undefined;
  return select(parts, (label) => outside[label] === 0);
}

const labelOf = (parts: Components, { z, y, x }: Voxel) => labelAt(parts, z, y, x);

function foundLung(inside: BitVolume, seeds: FoundLung["seeds"]): Omit<FoundLung, "threshold" | "radius"> {
  const parts = components(dilateBall(inside, ballRadius));
  const kept = [labelOf(parts, seeds.left), labelOf(parts, seeds.right)];
  const dilated = select(parts, (label) => kept.includes(label));
  // In the plane only: along the depth a ball of 3 slices would carry the lung into the slices above and below it.
  const closed = dilateDisc(dilateDisc(inside.clone().and(dilated), ballRadius).not(), ballRadius).not();
  return { kind: "lung", box: dilated.bounds()!, mask: fillHoles(closed), seeds };
}

/** Of the lung in a slice: a larger hole is the heart between lungs that touch, not a vessel or a lesion. */
const largestHole = 0.25;

/** Fills what the mask encloses in a slice. */
function fillHoles(mask: BitVolume): BitVolume {
  const parts = components(mask.not(), { planar: true }), open = touchingBorder(parts);
  const area = new Float64Array(parts.label.length), { depth, height } = mask.size;
  const limit = Float64Array.from({ length: depth }, (_, z) => largestHole * mask.count(z));
  const sliceOf = new Int32Array(parts.label.length);
  for (let row = 0; row < depth * height; row++) {
    for (let i = parts.firstRun[row]!; i < parts.firstRun[row + 1]!; i++) {
      area[parts.label[i]!]! += parts.end[i]! - parts.start[i]!;
      sliceOf[parts.label[i]!] = Math.floor(row / height);
    }
  }
  return mask.or(select(parts, (label) => open[label] === 0 && area[label]! <= limit[sliceOf[label]!]!));
}
