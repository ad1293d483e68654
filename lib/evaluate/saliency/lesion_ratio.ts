/**
 * How well a map points at lesions that are known: the lesions' share of the map's hottest lung voxels, over their
 * share of all lung voxels. 1 = no better than chance; the ceiling is 1 / (the lesions' share of the lung).
 */

/** One slice of map and masks, voxel by voxel. */
export interface MaskedSlice {
  readonly map: Float32Array;
  /** 0 = outside. */
  readonly lung: ArrayLike<number>;
  readonly lesion: ArrayLike<number>;
}

export interface LesionRatio {
  /** null where there is no lung or no lesion in it. */
  readonly ratio: number | null;
  /** The lesions' share of the lung, and of its hottest voxels. */
  readonly lesionShare: number;
  readonly hotLesionShare: number;
  /** 1 / lesionShare: what a perfect map reaches while lesions fill the hottest voxels. */
  readonly ceiling: number | null;
  readonly lungVoxels: number;
}

/**
 * Lesion ratio of the hottest `top` (default 0.05) of the lung's voxels. Voxels that tie at the edge (a map is zero in
 * large parts) count with the share of them that fits, so their order decides nothing.
 */
export function lesionRatio(slices: Iterable<MaskedSlice>, top = 0.05): LesionRatio {
  const { values, lesions } = lungVoxels(slices);
  const count = values.length, lesionCount = lesions.reduce((sum, value) => sum + value, 0);
  if (count === 0) return { ratio: null, lesionShare: 0, hotLesionShare: 0, ceiling: null, lungVoxels: 0 };
  const wanted = top * count;
  const cut = values.toSorted()[Math.max(0, Math.ceil(count - wanted) - (wanted % 1 === 0 ? 0 : 1))]!;
  let above = 0, aboveLesions = 0, ties = 0, tiedLesions = 0;
  for (let i = 0; i < count; i++) {
    if (values[i]! > cut) {
      above++;
      aboveLesions += lesions[i]!;
    } else if (values[i]! === cut) {
      ties++;
      tiedLesions += lesions[i]!;
    }
  }
  const hotLesionShare = (aboveLesions + (wanted - above) * tiedLesions / ties) / wanted;
  const lesionShare = lesionCount / count;
  return {
    ratio: lesionCount === 0 ? null : hotLesionShare / lesionShare,
    lesionShare,
    hotLesionShare,
    ceiling: lesionCount === 0 ? null : Math.min(1 / lesionShare, 1 / top),
    lungVoxels: count,
  };
}

/** The map inside the lung, and 1 where there is a lesion. */
function lungVoxels(slices: Iterable<MaskedSlice>): { values: Float32Array; lesions: Uint8Array } {
  const values: number[] = [], lesions: number[] = [];
  for (const { map, lung, lesion } of slices) {
    for (let i = 0; i < map.length; i++) {
      if (lung[i] === 0) continue;
      values.push(map[i]!);
      lesions.push(lesion[i] === 0 ? 0 : 1);
    }
  }
  return { values: Float32Array.from(values), lesions: Uint8Array.from(lesions) };
}
