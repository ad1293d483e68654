/**
 * One voxel inside each lung. In every slice the components of air that do not touch the slice's border are looked at;
 * for each side the one with the largest area, weighted by the cosine of the distance between its centre and the usual
 * place of that lung, wins over all slices.
 */
import type { BitVolume } from "./bit_volume.ts";
import { type Components, components, touchingBorder } from "./components.ts";

export interface Voxel {
  readonly z: number;
  readonly y: number;
  readonly x: number;
}

/** The image's left and right (a radiologist's picture shows the right lung on the left). */
export type Seeds = Readonly<Record<"left" | "right", Voxel | undefined>>;

/** Usual centres of the lungs as shares of the slice's width and height. */
const places = { left: { x: 1 / 3, y: 1 / 2 }, right: { x: 2 / 3, y: 1 / 2 } } as const;
/** At this share of the slice's side the weight is 0: the other lung is as far away. */
const reach = 1 / 3;
/** Of the slice's area: smaller components are airways, bowel or noise. */
const smallestArea = 0.005;

/** Undefined on a side where no component is large and near enough. */
export function findSeeds(air: BitVolume): Seeds {
  const parts = components(air, { planar: true }), areas = areasOf(parts);
  return { left: bestSeed(parts, areas, places.left), right: bestSeed(parts, areas, places.right) };
}

interface Areas {
  /** By label; 0 for components that touch the border. */
  readonly area: Float64Array;
  readonly sumX: Float64Array;
  readonly sumY: Float64Array;
}

function areasOf(parts: Components): Areas {
  const { size: { depth, height }, firstRun, start, end, label } = parts, touches = touchingBorder(parts);
  const area = new Float64Array(label.length),
    sumX = new Float64Array(label.length),
    sumY = new Float64Array(label.length);
  for (let row = 0; row < depth * height; row++) {
    for (let i = firstRun[row]!; i < firstRun[row + 1]!; i++) {
      const part = label[i]!, length = end[i]! - start[i]!;
      if (touches[part] === 1) continue;
      area[part]! += length;
      sumX[part]! += length * (start[i]! + end[i]! - 1) / 2;
      sumY[part]! += length * (row % height);
    }
  }
  return { area, sumX, sumY };
}

function bestSeed(parts: Components, { area, sumX, sumY }: Areas, place: { x: number; y: number }): Voxel | undefined {
  const { width, height } = parts.size, smallest = smallestArea * width * height;
  let best = -1, bestScore = 0;
  for (let part = 0; part < area.length; part++) {
    if (area[part]! < smallest) continue;
    const dx = sumX[part]! / area[part]! / width - place.x, dy = sumY[part]! / area[part]! / height - place.y;
    const away = Math.hypot(dx, dy) / reach, score = away >= 1 ? 0 : area[part]! * Math.cos(Math.PI / 2 * away);
    if (score <= bestScore) continue;
    best = part;
    bestScore = score;
  }
  return best < 0 ? undefined : nearestVoxel(parts, best, { x: place.x * width, y: place.y * height });
}

/** The voxel of a planar component that is nearest to a point of its slice. */
function nearestVoxel(
  { size: { height }, firstRun, start, end, label }: Components,
  part: number,
  point: { x: number; y: number },
): Voxel {
  let row = 0;
  while (firstRun[row + 1]! <= part) row++; // a label is the number of the component's first run
  const z = Math.floor(row / height);
  let nearest = Infinity, found: Voxel = { z, y: row % height, x: start[part]! };
  for (; row < (z + 1) * height; row++) {
    for (let i = firstRun[row]!; i < firstRun[row + 1]!; i++) {
      if (label[i] !== part) continue;
      const x = Math.min(end[i]! - 1, Math.max(start[i]!, Math.round(point.x))), y = row % height;
      const distance = (x - point.x) ** 2 + (y - point.y) ** 2;
      if (distance >= nearest) continue;
      nearest = distance;
      found = { z, y, x };
    }
  }
  return found;
}
