/** What is drawn alike in COVID scans and others, so that it does not tell the two apart. */
import type { RandomStream } from "../../random.ts";
import type { Anatomy } from "./anatomy.ts";
import type { Score } from "./lung_points.ts";
import { bell, between, chance, clamp01, type NoiseField, noiseField, smoothstep } from "./noise.ts";

/** Findings of either class: gravity gradient, emphysema, apical scars, nodules, pleural effusion. Returns extra HU. */
export function commonFindings(anatomy: Anatomy, random: RandomStream): Score {
  const parts = [gravity(random)];
  if (chance(random, 0.2)) parts.push(emphysema(random));
  if (chance(random, 0.1)) parts.push(apicalScar(anatomy, random));
  if (chance(random, 0.2)) parts.push(nodules(anatomy, random));
  if (chance(random, 0.1)) parts.push(effusion(anatomy, random));
  return (point) => {
    let sum = 0;
    for (const part of parts) sum += part(point);
    return sum;
  };
}

function gravity(random: RandomStream): Score {
  const slope = between(random, 10, 75), uneven = noiseField(random, 90), depth = between(random, 10, 50);
  return ({ x, y, z, back }) => slope * back + depth * uneven.at(x, y, z);
}

function emphysema(random: RandomStream): Score {
  const holes: NoiseField = noiseField(random, between(random, 9, 20)), depth = between(random, 60, 130);
  const reach = between(random, 0.35, 0.9);
  return ({ x, y, z, t }) =>
    -depth * smoothstep(0.1, 0.6, holes.at(x, y, z)) * (1 - smoothstep(reach - 0.2, reach + 0.2, t));
}

function apicalScar({ halfWidth }: Anatomy, random: RandomStream): Score {
  const side = chance(random, 0.5) ? 1 : -1, reach = between(random, 0.12, 0.25), streaks = noiseField(random, 13);
  return ({ x, y, z, t }) =>
    x * side < 0.05 * halfWidth
      ? 0
      : 420 * (1 - smoothstep(reach * 0.6, reach, t)) * smoothstep(0.15, 0.5, streaks.at(x, y, z * 0.5));
}

function nodules({ halfWidth, halfDepth, lungHeight }: Anatomy, random: RandomStream): Score {
  const spheres = Array.from({ length: random.integer(1, 3) }, () => ({
    x: (chance(random, 0.5) ? 1 : -1) * between(random, 0.35, 0.85) * halfWidth,
    y: between(random, -0.6, 0.7) * halfDepth,
    z: between(random, 0.15, 0.85) * lungHeight,
    radius: between(random, 5, 9) + (chance(random, 0.15) ? between(random, 5, 14) : 0),
  }));
  return ({ x, y, z }) =>
    spheres.reduce((sum, sphere) => {
      const dx = x - sphere.x, dy = y - sphere.y, dz = z - sphere.z;
      return sum + 800 * clamp01(0.5 + (sphere.radius - Math.sqrt(dx * dx + dy * dy + dz * dz)) / 5);
    }, 0);
}

/** Free fluid at the back and base; the level rises towards the wall. */
function effusion({ halfDepth }: Anatomy, random: RandomStream): Score {
  const sides = chance(random, 0.4) ? [-1, 1] : chance(random, 0.5) ? [-1] : [1];
  const level = between(random, 0.62, 0.85), from = between(random, 0.45, 0.7), wall = bell(random, 4, 10);
  return ({ x, back, t, depth }) => {
    if (!sides.includes(x < 0 ? -1 : 1)) return 0;
    const surface = level - 0.18 * smoothstep(wall * 2, 0, depth);
    return 900 * smoothstep(from, from + 0.15, t) * clamp01(0.5 + (back - surface) * halfDepth / 6);
  };
}
