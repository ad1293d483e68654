/** A binary volume with 32 voxels a word, so that morphology works on 32 of them at once. */
import type { Box } from "../antialiased_resize.ts";
import type { VolumeSize } from "../types.ts";

export class BitVolume {
  readonly size: VolumeSize;
  /** Words of a row; voxel x is bit x & 31 of word x >> 5, and bits from the width on are always 0. */
  readonly stride: number;
  /** Words of a slice. */
  readonly plane: number;
  readonly words: Uint32Array<ArrayBuffer>;

  constructor(size: VolumeSize) {
    this.size = size;
    this.stride = (size.width + 31) >> 5;
    this.plane = this.stride * size.height;
    this.words = new Uint32Array(size.depth * this.plane);
  }

  /** The voxels below `threshold`; `voxels` is uint8 [depth, height, width]. */
  static below(voxels: Uint8Array, size: VolumeSize, threshold: number): BitVolume {
    const mask = new BitVolume(size), { words, stride } = mask, { width } = size;
    for (let row = 0; row < size.depth * size.height; row++) {
      for (let word = 0; word < stride; word++) {
        const first = word << 5, count = Math.min(32, width - first), from = row * width + first;
        let bits = 0;
        for (let bit = 0; bit < count; bit++) if (voxels[from + bit]! < threshold) bits |= 1 << bit;
        words[row * stride + word] = bits;
      }
    }
    return mask;
  }

  has(z: number, y: number, x: number): boolean {
    return (this.words[z * this.plane + y * this.stride + (x >> 5)]! >>> (x & 31) & 1) === 1;
  }

  /** Sets voxels x from `start` up to and without `end` of a row; `row` counts through all slices. */
  setRun(row: number, start: number, end: number): void {
    for (let word = start >> 5; word <= (end - 1) >> 5; word++) {
      const low = Math.max(0, start - (word << 5)), high = Math.min(32, end - (word << 5));
      const bits = high - low === 32 ? -1 : ((1 << (high - low)) - 1) << low;
      this.words[row * this.stride + word]! |= bits;
    }
  }

  clone(): BitVolume {
    const copy = new BitVolume(this.size);
    copy.words.set(this.words);
    return copy;
  }

  or(other: BitVolume): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! |= other.words[i]!;
    return this;
  }

  and(other: BitVolume): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! &= other.words[i]!;
    return this;
  }

  /** The voxels that are not set. */
  not(): BitVolume {
    const result = new BitVolume(this.size), { stride } = this, rest = this.size.width & 31;
    for (let i = 0; i < this.words.length; i++) result.words[i] = ~this.words[i]!;
    if (rest !== 0) {
      for (let i = stride - 1; i < result.words.length; i += stride) result.words[i]! &= (1 << rest) - 1;
    }
    return result;
  }

  /** Number of voxels set, of all slices or of one. */
  count(slice?: number): number {
    const from = slice === undefined ? 0 : slice * this.plane;
    const to = slice === undefined ? this.words.length : from + this.plane;
    let sum = 0;
    for (let i = from; i < to; i++) sum += popCount(this.words[i]!);
    return sum;
  }

  /** The smallest box around all set voxels; undefined where there is none. */
  bounds(): Box | undefined {
    const { size: { depth, height }, stride } = this, columns = new Uint32Array(stride);
    let top = Infinity, bottom = -1, first = Infinity, last = -1;
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        const row = (z * height + y) * stride;
        let any = 0;
        for (let word = 0; word < stride; word++) {
          const bits = this.words[row + word]!;
          columns[word]! |= bits;
          any |= bits;
        }
        if (any === 0) continue;
        if (y < top) top = y;
        if (y > bottom) bottom = y;
        if (z < first) first = z;
        last = z;
      }
    }
    if (last < 0) return undefined;
    const isSet = (x: number) => (columns[x >> 5]! >>> (x & 31) & 1) === 1;
    let left = 0, right = this.size.width - 1;
    while (!isSet(left)) left++;
    while (!isSet(right)) right--;
    return {
      start: { depth: first, height: top, width: left },
      end: { depth: last + 1, height: bottom + 1, width: right + 1 },
    };
  }

  /** uint8 [depth, height, width], 0 or 1. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const { depth, height, width } = this.size, bytes = new Uint8Array(depth * height * width);
    for (let row = 0; row < depth * height; row++) {
      for (let x = 0; x < width; x++) {
        bytes[row * width + x] = this.words[row * this.stride + (x >> 5)]! >>> (x & 31) & 1;
      }
    }
    return bytes;
  }
}

/** Number of bits set. */
export function popCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
