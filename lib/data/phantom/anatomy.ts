/**
 * One synthetic patient: sizes in millimetres and the implicit surfaces of body, chest cavity, mediastinum, heart and
 * diaphragm. Coordinates: x to the image's right (the patient's left), y to the back, z downwards from the lung apex;
 * the origin of x and y is the middle of the chest cavity. A distance is positive inside and approximately in mm.
 */
import type { RandomStream } from "../../random.ts";
import { bell, between, clamp01, curve, mix, type NoiseField, noiseField, smoothstep } from "./noise.ts";

export interface Anatomy {
  /** From the apex to the lowest recess of the lung. */
  readonly lungHeight: number;
  readonly halfWidth: number;
  readonly halfDepth: number;
  /** 0 = ellipse, towards 1 = rounded rectangle. */
  readonly squareness: number;
  readonly muscle: number;
  readonly fat: number;
  readonly mediastinum: number;
  readonly heart: { x: number; y: number; z: number; rx: number; ry: number; rz: number; tilt: number };
  /** Height of the diaphragm's domes above the lowest recess, as shares of lung height. */
  readonly dome: { right: number; left: number; steepness: number };
  readonly ribs: { spacing: number; phase: number; drop: number };
  readonly vertebra: { spacing: number; phase: number; rx: number; ry: number };
  readonly aorta: number;
  readonly trachea: { radius: number; carina: number; x: number };
  readonly stomach: { x: number; y: number; gas: number };
  /** Keeps outlines from being geometric. */
  readonly unevenness: NoiseField;
}

export function drawAnatomy(random: RandomStream): Anatomy {
  const size = bell(random, 0.86, 1.14);
  const halfWidth = size * bell(random, 120, 148);
  const halfDepth = size * bell(random, 80, 108);
  const lungHeight = size * bell(random, 215, 285);
  const heart = size * bell(random, 0.88, 1.18);
  return {
    lungHeight,
    halfWidth,
    halfDepth,
    squareness: between(random, 0.15, 0.55),
    muscle: between(random, 15, 27),
    fat: between(random, 5, 14) + 26 * random.uniform() * random.uniform(),
    mediastinum: size * bell(random, 25, 39),
    heart: {
      x: heart * between(random, 17, 27),
      y: -halfDepth * between(random, 0.18, 0.34),
      z: between(random, 0.63, 0.71),
      rx: heart * between(random, 54, 62),
      ry: heart * between(random, 42, 50),
      rz: heart * between(random, 48, 58),
      tilt: between(random, 0.12, 0.36),
    },
    dome: {
      right: between(random, 0.2, 0.3),
      left: between(random, 0.15, 0.25),
      steepness: between(random, 0.85, 1.15),
    },
    ribs: { spacing: size * between(random, 23, 29), phase: random.uniform(), drop: between(random, 55, 95) },
    vertebra: {
      spacing: size * between(random, 21, 26),
      phase: random.uniform(),
      rx: size * between(random, 15, 19),
      ry: size * between(random, 12, 15),
    },
    aorta: size * between(random, 9.5, 14),
    trachea: {
      radius: size * between(random, 7.5, 10),
      carina: between(random, 0.36, 0.43),
      x: between(random, -4, 4),
    },
    stomach: { x: between(random, 50, 75), y: between(random, -35, -10), gas: between(random, 0, 1) },
    unevenness: noiseField(random, 38),
  };
}

const widthCurve = [[0, 0.66], [0.12, 0.75], [0.3, 0.9], [0.5, 0.97], [0.75, 1], [1, 0.98]] as const;
const depthCurve = [[0, 0.62], [0.15, 0.74], [0.35, 0.9], [0.6, 1], [1, 0.96]] as const;
const mediastinumCurve = [[0, 1.1], [0.15, 0.95], [0.3, 1.1], [0.45, 1.1], [0.6, 0.8], [1, 0.7]] as const;

/** The patient's outlines at one height; everything that `paint` needs is a few products away. */
export interface SliceShape {
  readonly z: number;
  /** z over lung height: 0 apex, 1 lowest recess. */
  readonly t: number;
  readonly cavity: { a: number; b: number; y: number };
  readonly body: { a: number; b: number; y: number };
  readonly squareness: number;
  /** Distance from the midline to either lung, by place between front and back (see `septumRow`). */
  readonly septum: { right: Float32Array; left: Float32Array };
  /** Front of the vertebral body lies at y − ry. */
  readonly spine: { y: number; rx: number; ry: number };
  readonly anatomy: Anatomy;
}

export function sliceShape(anatomy: Anatomy, z: number): SliceShape {
  const t = z / anatomy.lungHeight;
  const a = anatomy.halfWidth * curve(widthCurve, t);
  const b = anatomy.halfDepth * curve(depthCurve, t);
  const y = 14 * (1 - clamp01(t / 0.4));
  const { muscle, fat, vertebra } = anatomy;
  const bodyB = Math.max(b, 0.86 * anatomy.halfDepth) + muscle * 1.15 + fat * 0.9;
  return {
    z,
    t,
    cavity: { a, b, y },
    body: { a: Math.max(a, 0.95 * anatomy.halfWidth) + muscle + fat, b: bodyB, y: y * 0.5 + 5 },
    squareness: anatomy.squareness,
    septum: septum(anatomy, z, y, b),
    spine: { y: y + b - vertebra.ry * 1.75, rx: vertebra.rx * (0.85 + 0.2 * clamp01(t)), ry: vertebra.ry },
    anatomy,
  };
}

const septumRows = 96;

/** Row of the septum tables: 0 at 1.2 half-depths in front of the middle, the last one as far behind. */
function septumRow(y: number, centre: number, b: number): number {
  const row = ((y - centre) / b + 1.2) / 2.4 * (septumRows - 1);
  return row < 0 ? 0 : row > septumRows - 1.01 ? septumRows - 1.01 : row;
}

/** Lungs nearly meet in front; the septum is full in the middle and narrower again beside the spine. */
function septum(anatomy: Anatomy, z: number, centre: number, b: number): SliceShape["septum"] {
  const t = z / anatomy.lungHeight;
  const width = anatomy.mediastinum * curve(mediastinumCurve, t), shift = 4 * smoothstep(0.2, 0.5, t);
  const table = (side: -1 | 1) =>
    Float32Array.from({ length: septumRows }, (_, row) => {
      const v = row / (septumRows - 1) * 2.4 - 1.2;
      const front = smoothstep(-1, -0.1, v), back = smoothstep(0.1, 0.6, v);
      const uneven = 7 * anatomy.unevenness.at(side * 90, centre + v * b, z) * (0.3 + 0.7 * front);
      return width * (0.16 + 0.84 * front) * (1 - 0.5 * back) + side * shift + uneven;
    });
  return { right: table(-1), left: table(1) };
}

/** Distance inside a rounded rectangle u² + v² − s·u²v² = 1 (Fernández-Guasti's squircle). */
export function squircle(x: number, y: number, a: number, b: number, s: number): number {
  const u = (x / a) * (x / a), v = (y / b) * (y / b);
  // Beyond the corners the product would bring the curve back: it stops growing there.
  const q = u + v - s * (u < 1 ? u : 1) * (v < 1 ? v : 1);
  return (1 - Math.sqrt(q)) * (a < b ? a : b);
}

/** Distance inside the chest cavity. */
export function cavityDistance(shape: SliceShape, x: number, y: number): number {
  const { a, b, y: centre } = shape.cavity;
  return squircle(x, y - centre, a, b, shape.squareness);
}

/** Distance inside the heart. */
export function heartDistance(shape: SliceShape, x: number, y: number): number {
  const { heart, lungHeight } = shape.anatomy;
  const dx = x - heart.x, dy = y - heart.y;
  // The long axis points forward and to the patient's left.
  const u = (dx - heart.tilt * dy) / heart.rx;
  const v = (dy + heart.tilt * dx) / heart.ry;
  const w = (shape.z - heart.z * lungHeight) / heart.rz;
  return (1 - Math.sqrt(u * u + v * v + w * w)) * heart.ry;
}

/** Distance inside everything between the lungs: great vessels and fat, heart, spine. */
export function mediastinumDistance(shape: SliceShape, x: number, y: number): number {
  const row = septumRow(y, shape.cavity.y, shape.cavity.b);
  const table = x < 0 ? shape.septum.right : shape.septum.left;
  const index = Math.floor(row), part = row - index;
  const septum = table[index]! * (1 - part) + table[index + 1]! * part - (x < 0 ? -x : x);
  const central = Math.max(septum, spineDistance(shape, x, y));
  const heart = heartDistance(shape, x, y);
  return central > heart ? central : heart;
}

/** Distance inside the vertebral body with its soft tissue, which widens towards the back. */
export function spineDistance(shape: SliceShape, x: number, y: number): number {
  const { y: centre, rx, ry } = shape.spine;
  const dy = y - centre;
  const front = squircle(x, dy, rx + 5, ry + 4, 0.2);
  const behind = Math.min(rx + 5 + 0.35 * dy - (x < 0 ? -x : x), dy + 2);
  return front > behind ? front : behind;
}

/** Height above the diaphragm in mm (positive = chest, negative = abdomen). */
export function diaphragmDistance(shape: SliceShape, x: number, y: number): number {
  const { anatomy } = shape;
  const { lungHeight, halfWidth, halfDepth, dome } = anatomy;
  const right = x < 0;
  const rise = lungHeight * mix(dome.left, dome.right, smoothstep(25, -25, x));
  const u = (x - (right ? -0.46 : 0.46) * halfWidth) / (0.62 * halfWidth);
  const v = (y + 0.16 * halfDepth) / (1.08 * halfDepth);
  const top = lungHeight - rise;
  const surface = top + rise * dome.steepness * (u * u + v * v);
  return (surface - shape.z) * 0.75;
}

/** Depth below the rounded apex. */
function apexDistance(shape: SliceShape, x: number, y: number): number {
  const side = x < 0 ? -1 : 1;
  const u = (x - side * 0.4 * shape.anatomy.halfWidth) / (0.36 * shape.anatomy.halfWidth);
  const v = (y - shape.cavity.y) / (0.6 * shape.anatomy.halfDepth);
  return shape.z - 0.055 * shape.anatomy.lungHeight * (u * u + v * v);
}

/** Distance inside the lungs; `cavity` is the distance inside the chest cavity there. */
export function lungDistance(
  shape: SliceShape,
  x: number,
  y: number,
  cavity: number = cavityDistance(shape, x, y),
): number {
  if (shape.z < 0) return -1e3;
  const distance = cavity - 1;
  if (distance < -14) return distance;
  const nearest = Math.min(distance, diaphragmDistance(shape, x, y), -mediastinumDistance(shape, x, y));
  return shape.t < 0.3 ? Math.min(nearest, apexDistance(shape, x, y)) : nearest;
}
