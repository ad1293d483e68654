/** Pulmonary vessels and bronchi: trees of tapering straight segments that fill the lungs from the hilum outwards. */
import type { RandomStream } from "../../random.ts";
import { type Anatomy, lungDistance, type SliceShape, sliceShape } from "./anatomy.ts";
import { between } from "./noise.ts";

export type Point = readonly [x: number, y: number, z: number];

/** A capsule: a straight tube with rounded ends, in millimetres. */
export interface Segment {
  readonly from: Point;
  readonly to: Point;
  readonly radius: number;
  readonly kind: "vessel" | "airway";
}

interface Node {
  readonly point: Point;
  readonly parent: number;
  /** Path length from the hilum. */
  readonly path: number;
  leaves: number;
}

const distance = (a: Point, b: Point): number => {
  const dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];
  return Math.sqrt(dx * dx + dy * dy + dz * dz);
};

/** Arteries and veins of both lungs, and the airway from the trachea to the segmental bronchi. */
export function growVessels(anatomy: Anatomy, random: RandomStream): Segment[] {
  const shapes = shapesByHeight(anatomy);
  const segments: Segment[] = [];
  for (const side of [-1, 1] as const) {
    const hilum: Point = [side * (anatomy.mediastinum + 4), 14, anatomy.lungHeight * (side < 0 ? 0.47 : 0.45)];
    const atrium: Point = [side * (anatomy.mediastinum - 2), 20, anatomy.lungHeight * 0.56];
    const arteries = growTree(hilum, scatterTargets(shapes, anatomy, side, 300, random), random);
    segments.push(...toSegments(arteries));
    segments.push(...toSegments(growTree(atrium, scatterTargets(shapes, anatomy, side, 240, random), random)));
    segments.push(...bronchi(arteries), ...mainBronchus(anatomy, hilum));
  }
  segments.push({
    from: [anatomy.trachea.x, 0.12 * anatomy.halfDepth, -60],
    to: [anatomy.trachea.x, 0.22 * anatomy.halfDepth, anatomy.lungHeight * anatomy.trachea.carina],
    radius: anatomy.trachea.radius,
    kind: "airway",
  });
  return segments;
}

function shapesByHeight(anatomy: Anatomy): SliceShape[] {
  return Array.from({ length: 64 }, (_, i) => sliceShape(anatomy, (i + 0.5) / 64 * anatomy.lungHeight));
}

/** Points spread through one lung, nearest to the hilum first. */
function scatterTargets(
  shapes: readonly SliceShape[],
  { halfWidth, halfDepth, mediastinum, lungHeight }: Anatomy,
  side: -1 | 1,
  count: number,
  random: RandomStream,
): Point[] {
  const targets: Point[] = [];
  for (let tries = 0; targets.length < count && tries < 60 * count; tries++) {
    const shape = random.pick(shapes);
    const x = side * random.uniform() * halfWidth, y = (2 * random.uniform() - 1) * halfDepth;
    if (lungDistance(shape, x, y) > 5) targets.push([x, y, shape.z]);
  }
  const hilum: Point = [side * mediastinum, 0, 0.48 * lungHeight];
  return targets.sort((a, b) => distance(a, hilum) - distance(b, hilum));
}

/** Each target joins the node that is near it and not far along the tree, so that branches run outwards. */
function growTree(root: Point, targets: readonly Point[], random: RandomStream): Node[] {
  const nodes: Node[] = [{ point: root, parent: -1, path: 0, leaves: 0 }];
  for (const target of targets) {
    let parent = cheapestNode(nodes, target);
    const start = nodes[parent]!.point, length = distance(start, target);
    const steps = Math.max(1, Math.round(length / 9));
    for (let step = 1; step <= steps; step++) {
      const share = step / steps, wander = step === steps ? 0 : 0.16 * length / steps;
      const along = (axis: 0 | 1 | 2) =>
        start[axis] + share * (target[axis] - start[axis]) + wander * between(random, -1, 1);
      const point: Point = [along(0), along(1), along(2)];
      nodes.push({ point, parent, path: nodes[parent]!.path + distance(point, nodes[parent]!.point), leaves: 0 });
      parent = nodes.length - 1;
    }
    for (let node = parent; node >= 0; node = nodes[node]!.parent) nodes[node]!.leaves++;
  }
  return nodes;
}

function cheapestNode(nodes: readonly Node[], target: Point): number {
  let best = 0, bestCost = Infinity;
  for (let index = 0; index < nodes.length; index++) {
    const { point, path } = nodes[index]!;
    const cost = distance(point, target) + 0.4 * path;
    if (cost < bestCost) best = index, bestCost = cost;
  }
  return best;
}

/** Murray's law with exponent about 2.7: radius grows with the number of leaves that hang on a segment. */
function toSegments(nodes: readonly Node[]): Segment[] {
  return nodes.flatMap((node) => {
    const parent = nodes[node.parent];
    if (parent === undefined) return [];
    return [{ from: parent.point, to: node.point, radius: treeRadius(node.leaves), kind: "vessel" as const }];
  });
}

function treeRadius(leaves: number): number {
  const root = Math.sqrt(leaves);
  // leaves^(3/8) without a transcendental function
  return Math.min(6.2, 0.62 * Math.sqrt(Math.sqrt(root * leaves)));
}

/** Bronchi run beside the larger arteries. */
function bronchi(arteries: readonly Node[]): Segment[] {
  return arteries.flatMap((node) => {
    const parent = arteries[node.parent];
    const radius = treeRadius(node.leaves);
    if (parent === undefined || radius < 1.7) return [];
    const shift = 1.7 * radius;
    const beside = ([x, y, z]: Point): Point => [x, y + shift, z - 0.4 * shift];
    const from = node.parent === 0 ? parent.point : beside(parent.point);
    return [{ from, to: beside(node.point), radius: 0.85 * radius, kind: "airway" as const }];
  });
}

function mainBronchus({ trachea, lungHeight, halfDepth }: Anatomy, hilum: Point): Segment[] {
  const carina: Point = [trachea.x, 0.22 * halfDepth, lungHeight * trachea.carina];
  return [{ from: carina, to: hilum, radius: 0.7 * trachea.radius, kind: "airway" }];
}
