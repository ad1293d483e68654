/**
 * Dilation, opening and closing of binary volumes. What lies outside the volume counts as set for an erosion and as not
 * set for a dilation, so that the border of the volume neither wears off nor grows.
 */
import { BitVolume } from "./bit_volume.ts";

/** Dilation by the ball of all offsets within `radius` voxels, as skimage.morphology.ball. */
export function dilateBall(mask: BitVolume, radius: number): BitVolume {
  return dilate(mask, radius, radius);
}

export function erodeBall(mask: BitVolume, radius: number): BitVolume {
  return dilateBall(mask.not(), radius).not();
}

/** Dilation of each slice by a disc, as skimage.morphology.disk. */
export function dilateDisc(mask: BitVolume, radius: number): BitVolume {
  return dilate(mask, radius, 0);
}

/** Opening of each slice by a disc: what no disc of the radius fits into is gone. */
export function openDisc(mask: BitVolume, radius: number): BitVolume {
  return radius === 0 ? mask : dilateDisc(dilateDisc(mask.not(), radius).not(), radius);
}

/** Closing by a vertical line of 2 · reach + 1 voxels in each slice: thin horizontal gaps are filled. */
export function closeVertically(mask: BitVolume, reach: number): BitVolume {
  return dilateVertically(dilateVertically(mask, reach).not(), reach).not();
}

function dilateVertically(mask: BitVolume, reach: number): BitVolume {
  const result = mask.clone(), { stride, plane, size } = mask;
  for (let z = 0; z < size.depth; z++) {
    const slice = mask.words.subarray(z * plane, (z + 1) * plane);
    for (let dy = -reach; dy <= reach; dy++) orRows(result.words, z * plane, slice, dy * stride);
  }
  return result;
}

/** By all offsets with dx² + dy² + dz² ≤ radius² and |dz| ≤ reach. */
function dilate(mask: BitVolume, radius: number, reach: number): BitVolume {
  const result = new BitVolume(mask.size), { stride, plane, size: { depth } } = mask;
  for (let z = 0; z < depth; z++) {
    const wider = [mask.words.slice(z * plane, (z + 1) * plane)]; // dilated along x by 0, 1, 2 … voxels
    if (wider[0]!.every((word) => word === 0)) continue;
    for (let w = 1; w <= radius; w++) wider.push(widened(wider[w - 1]!, mask));
    for (let dz = -reach; dz <= reach; dz++) {
      if (z + dz < 0 || z + dz >= depth) continue;
      for (let dy = -radius; dy <= radius; dy++) {
        const rest = radius * radius - dz * dz - dy * dy;
        if (rest >= 0) orRows(result.words, (z + dz) * plane, wider[Math.floor(Math.sqrt(rest))]!, dy * stride);
      }
    }
  }
  return result;
}

/** ORs a slice, moved down by `shift` words (whole rows, may be negative), into the slice at `at`. */
function orRows(target: Uint32Array, at: number, slice: Uint32Array, shift: number): void {
  const from = Math.max(0, -shift), to = Math.min(slice.length, slice.length - shift), place = at + shift;
  for (let i = from; i < to; i++) target[place + i]! |= slice[i]!;
}

/** A slice dilated by one voxel to the left and to the right. */
function widened(slice: Uint32Array<ArrayBuffer>, { stride, size: { width } }: BitVolume): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(slice.length), rest = width & 31, inside = rest === 0 ? -1 : (1 << rest) - 1;
  for (let row = 0; row < slice.length; row += stride) {
    for (let i = row; i < row + stride; i++) {
      const word = slice[i]!;
      const before = i === row ? 0 : slice[i - 1]! >>> 31, after = i === row + stride - 1 ? 0 : slice[i + 1]! << 31;
      result[i] = word | (word << 1) | before | (word >>> 1) | after;
    }
    result[row + stride - 1]! &= inside;
  }
  return result;
}
