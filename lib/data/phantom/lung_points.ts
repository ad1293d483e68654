/** The coarse grid over the chest on which what fills the airspaces is drawn, and what a score looks at on it. */
import { type Anatomy, cavityDistance, diaphragmDistance, lungDistance, sliceShape } from "./anatomy.ts";

const gridSize = 40;

/** `n` points along each axis; lengths in mm. */
export interface OpacityGrid {
  readonly n: number;
  readonly origin: readonly [number, number, number];
  readonly step: readonly [number, number, number];
}

export function opacityGrid({ halfWidth, halfDepth, lungHeight }: Anatomy): OpacityGrid {
  const span = [2.06 * halfWidth, 2.3 * halfDepth, 1.02 * lungHeight] as const;
  return {
    n: gridSize,
    origin: [-1.03 * halfWidth, -1.1 * halfDepth, -0.01 * lungHeight],
    step: [span[0] / (gridSize - 1), span[1] / (gridSize - 1), span[2] / (gridSize - 1)],
  };
}

/** A grid point in or next to the lungs, with what the scores look at. */
export interface LungPoint {
  readonly index: number;
  readonly inside: boolean;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** −1 front … 1 back of the cavity; 0 apex … 1 base. */
  readonly back: number;
  readonly t: number;
  /** mm to the chest wall or the diaphragm. */
  readonly depth: number;
}

/** Points a little outside are included, so that interpolation at the pleura has values on both sides. */
export function lungPoints(anatomy: Anatomy, { n, origin, step }: OpacityGrid): LungPoint[] {
  const points: LungPoint[] = [];
  for (let k = 0, index = 0; k < n; k++) {
    const z = origin[2] + k * step[2];
    const shape = sliceShape(anatomy, Math.max(z, 0.01));
    for (let j = 0; j < n; j++) {
      const y = origin[1] + j * step[1], back = (y - shape.cavity.y) / shape.cavity.b;
      for (let i = 0; i < n; i++, index++) {
        const x = origin[0] + i * step[0];
        const distance = lungDistance(shape, x, y);
        if (distance < -12) continue;
        const depth = Math.min(cavityDistance(shape, x, y), diaphragmDistance(shape, x, y));
        points.push({ index, inside: distance > 0, x, y, z, back, t: shape.t, depth });
      }
    }
  }
  return points;
}

/** e.g. how much a lesion likes to be here, or HU. */
export type Score = (point: LungPoint) => number;
