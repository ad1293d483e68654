/** Which kernel taps reach which input voxels at a stride: the input gradient by output remainder. */

/** The taps k of one axis that reach input voxels i ≡ remainder (mod stride): i + padding − k = stride·o. */
export interface Phase {
  /** In the order of the output voxels they read. */
  readonly taps: readonly number[];
  /** Output voxel that the first of them reads for the first input voxel. */
  readonly origin: number;
  /** Number of input voxels. */
  readonly length: number;
}

export function phasesOf(input: number, kernel: number, stride: number, padding: number): Phase[] {
  return Array.from({ length: stride }, (_, remainder) => {
    const taps = Array.from({ length: kernel }, (_, k) => k)
      .filter((k) => (remainder + padding - k) % stride === 0).reverse();
    const origin = taps.length === 0 ? 0 : (remainder + padding - taps[0]!) / stride;
    return { taps, origin, length: Math.max(0, Math.ceil((input - remainder) / stride)) };
  });
}
