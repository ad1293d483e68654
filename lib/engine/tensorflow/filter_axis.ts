/** How the taps, phases and zeros of a filter gradient by matrix products lie along one axis. */

export interface Axis {
  /** Voxels of x. */
  readonly size: number;
  /** Voxels of dy. */
  readonly outputs: number;
  readonly stride: number;
  /** Tap k reads voxel o + shift of phase `phase` for output o. */
  readonly taps: readonly { readonly phase: number; readonly shift: number }[];
  /** Zeros before the first voxel of a phase: the largest step back. */
  readonly before: number;
  /** The largest step forward. */
  readonly after: number;
  /** Voxels of a phase from one line (or plane) to the next, zeros included. */
  readonly pitch: number;
}

export function axisOf(size: number, outputs: number, kernel: number, stride: number, padding: number): Axis {
  const taps = Array.from({ length: kernel }, (_, k) => {
    const shift = Math.floor((k - padding) / stride);
    return { phase: k - padding - stride * shift, shift };
  });
  const shifts = taps.map(({ shift }) => shift);
  const before = Math.max(0, -Math.min(...shifts)), after = Math.max(0, ...shifts);
  const pitch = Math.max(outputs + after, before + Math.ceil(size / stride));
  return { size, outputs, stride, taps, before, after, pitch };
}

/** Taps that share a phase, in the order of their shifts. */
export interface TapGroup {
  readonly phase: number;
  readonly shifts: readonly number[];
  /** Which taps they are. */
  readonly taps: readonly number[];
}

export function groupsAlong({ stride, taps }: Axis): TapGroup[] {
  return Array.from({ length: stride }, (_, phase) => {
    const members = taps.map((tap, k) => ({ ...tap, k })).filter((tap) => tap.phase === phase);
    return { phase, shifts: members.map(({ shift }) => shift), taps: members.map(({ k }) => k) };
  }).filter(({ taps }) => taps.length > 0);
}
