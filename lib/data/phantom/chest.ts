/** Inside the chest cavity: mediastinum, abdomen below the diaphragm, lungs, vessels and airways. */
import {
  diaphragmDistance,
  heartDistance,
  lungDistance,
  mediastinumDistance,
  type SliceShape,
  squircle,
} from "./anatomy.ts";
import { hounsfield } from "./body.ts";
import { blend, type Canvas } from "./canvas.ts";
import { clamp01, type NoiseField } from "./noise.ts";
import { affectedShare, gainedHu, type Opacity } from "./opacity.ts";
import type { Segment } from "./vessels.ts";

/** Mediastinal fat with heart and great vessels; liver, spleen and stomach under the diaphragm. */
export function paintCavity(canvas: Canvas, shape: SliceShape, fatness: NoiseField): void {
  const sharp = 1 / canvas.pixelMm;
  for (let k = 0; k < canvas.hu.length; k++) {
    if (canvas.body[k]! === 0) continue;
    const inside = 0.5 + canvas.cavity[k]! * sharp;
    if (inside <= 0) continue;
    const x = canvas.x[k]!, y = canvas.y[k]!;
    const below = -diaphragmDistance(shape, x, y);
    if (0.5 + below * sharp < 1) {
      const softness = clamp01(0.5 + 1.2 * fatness.at(x, y, shape.z));
      blend(canvas, k, hounsfield.fat + (hounsfield.muscle - hounsfield.fat) * softness, inside);
      blend(canvas, k, hounsfield.blood, 0.5 + (heartDistance(shape, x, y) - 5) * sharp);
      blend(canvas, k, hounsfield.blood, 0.5 + greatVesselDistance(shape, x, y) * sharp);
    }
    if (0.5 + below * sharp > 0) {
      blend(canvas, k, abdomen(shape, x, y, below, fatness), clamp01(inside) * clamp01(0.5 + below * sharp));
      blend(canvas, k, hounsfield.blood, 0.5 + greatVesselDistance(shape, x, y) * sharp);
    }
  }
}

/** Ascending and descending aorta, arch, superior vena cava, oesophagus. */
function greatVesselDistance(shape: SliceShape, x: number, y: number): number {
  const { anatomy, t, spine } = shape;
  const r = anatomy.aorta;
  const circle = (cx: number, cy: number, radius: number) => {
    const dx = x - cx, dy = y - cy;
    return radius - Math.sqrt(dx * dx + dy * dy);
  };
  const oesophagus = circle(4, spine.y - spine.ry - 9, 6);
  const descendingY = spine.y - spine.ry * 0.5;
  const descending = t > 0.27 ? circle(spine.rx + r * 0.6 - 8 * clamp01(t - 0.6), descendingY, r) : -50;
  let nearest = Math.max(oesophagus, descending);
  if (t > 0.12 && t < 0.6) nearest = Math.max(nearest, circle(-19, -10, 8.5));
  if (t > 0.3 && t < 0.56) nearest = Math.max(nearest, circle(-6, -20, r * 1.25));
  if (t > 0.42 && t < 0.5) nearest = Math.max(nearest, circle(12, -14, r * 1.15));
  // The arch runs from front right to back left.
  if (t > 0.23 && t < 0.32) {
    const along = clamp01((y + 20) / (descendingY + 20));
    nearest = Math.max(
      nearest,
      circle(-6 + along * (spine.rx + r * 0.6 + 6), -20 + along * (descendingY + 20), r * 1.1),
    );
  }
  if (t < 0.23) {
    nearest = Math.max(nearest, circle(-17, -6, 6.5), circle(13, -2, 5.5), circle(20, 8, 5));
  }
  return nearest;
}

function abdomen(shape: SliceShape, x: number, y: number, below: number, fatness: NoiseField): number {
  const { stomach, halfWidth, halfDepth } = shape.anatomy;
  if (below < 2.5) return hounsfield.muscle;
  const liver = 26 - x + 0.25 * y;
  if (liver > 0) return hounsfield.liver;
  const spleen = squircle(x - 0.66 * halfWidth, y - 0.42 * halfDepth, 0.34 * halfWidth, 0.42 * halfDepth, 0.2);
  if (spleen > 0) return 50;
  const dx = x - stomach.x, dy = y - stomach.y;
  const wall = 36 - Math.sqrt(dx * dx + dy * dy);
  if (wall > 4) return stomach.gas > 0.35 && dy < 8 - 30 * (1 - stomach.gas) ? -920 : 25;
  if (wall > 0) return hounsfield.muscle;
  return fatness.at(x, y, shape.z) > 0.35 ? 30 : hounsfield.fat;
}

export interface LungLook {
  readonly lungHu: number;
  readonly opacity: Opacity;
  /** Texture of a few millimetres, frays the lesions' edges. */
  readonly texture: NoiseField;
}

/** Aerated lung with whatever fills it. Sets `canvas.lung` and `canvas.lesion`. */
export function paintLungs(canvas: Canvas, shape: SliceShape, { lungHu, opacity, texture }: LungLook): void {
  const sharp = 1 / canvas.pixelMm;
  const sample = opacitySampler(opacity, shape.z);
  const values = new Float64Array(3);
  for (let k = 0; k < canvas.hu.length; k++) {
    if (canvas.body[k]! === 0 || canvas.cavity[k]! < -canvas.pixelMm) continue;
    const x = canvas.x[k]!, y = canvas.y[k]!;
    const inside = clamp01(0.5 + lungDistance(shape, x, y, canvas.cavity[k]!) * sharp);
    if (inside === 0) continue;
    sample(x, y, values);
    const grain = texture.at(x, y, shape.z);
    const [margin, dense, extra] = values as unknown as [number, number, number];
    const affected = opacity.isLesion ? affectedShare(margin, grain) : 0;
    const gained = affected > 0 ? gainedHu(affected, dense, grain, opacity) : 0;
    const density = lungHu + 22 * grain + extra + gained * (1 + 0.06 * grain);
    blend(canvas, k, density < 35 ? density : 35, inside);
    canvas.lung[k] = inside;
    canvas.lesion[k] = affected * inside;
  }
}

/** Trilinear interpolation of the three fields at one height. */
function opacitySampler({ grid, fields }: Opacity, z: number) {
  const { n, origin, step } = grid;
  const last = n - 1.001;
  const place = (value: number, axis: 0 | 1 | 2) => {
    const p = (value - origin[axis]) / step[axis];
    return p < 0 ? 0 : p > last ? last : p;
  };
  const pz = place(z, 2), z0 = Math.floor(pz), wz = pz - z0;
  // One plane for this slice: the interpolation in z is done once.
  const plane = new Float32Array(n * n * 3);
  const below = z0 * n * n * 3, above = below + n * n * 3;
  for (let i = 0; i < plane.length; i++) plane[i] = fields[below + i]! * (1 - wz) + fields[above + i]! * wz;
  return (x: number, y: number, out: Float64Array) => {
    const px = place(x, 0), py = place(y, 1);
    const x0 = Math.floor(px), y0 = Math.floor(py), u = px - x0, v = py - y0;
    const base = (y0 * n + x0) * 3, row = n * 3;
    for (let c = 0; c < 3; c++) {
      const i = base + c;
      const top = plane[i]! * (1 - u) + plane[i + 3]! * u;
      const bottom = plane[i + row]! * (1 - u) + plane[i + row + 3]! * u;
      out[c] = top * (1 - v) + bottom * v;
    }
  };
}

/** Vessels (only in the lungs, and where they enter them) and airways, softened by the slice's thickness. */
export function paintSegments(
  canvas: Canvas,
  shape: SliceShape,
  segments: readonly Segment[],
  thicknessMm: number,
): void {
  const near = segments.filter(({ from, to, radius }) => {
    const reach = radius + 1.5 + thicknessMm / 2;
    return Math.min(from[2], to[2]) < shape.z + reach && Math.max(from[2], to[2]) > shape.z - reach;
  });
  const vessels = near.filter(({ kind }) => kind === "vessel"), airways = near.filter(({ kind }) => kind === "airway");
  for (const segment of vessels) {
    forEachNear(canvas, shape, segment, segment.radius, thicknessMm, (k, cover) => {
      const within = canvas.lung[k]!;
      if (within > 0 && canvas.hu[k]! < hounsfield.blood) blend(canvas, k, hounsfield.blood, cover * within);
    });
  }
  // All walls before all lumens: otherwise the wall of one piece closes the lumen of the next.
  for (const segment of airways) {
    const outer = 1.12 * segment.radius + 0.8;
    forEachNear(canvas, shape, segment, outer, thicknessMm, (k, cover) => {
      if (canvas.hu[k]! < 0 && canvas.lung[k]! > 0) blend(canvas, k, 0, cover);
    });
  }
  for (const segment of airways) {
    forEachNear(canvas, shape, segment, segment.radius, thicknessMm, (k, cover) => {
      if (canvas.lung[k]! > 0 || mediastinumDistance(shape, canvas.x[k]!, canvas.y[k]!) > 0) {
        blend(canvas, k, -960, cover);
      }
    });
  }
}

/** Calls `paint` with each pixel that a capsule covers and the share that it covers. */
function forEachNear(
  canvas: Canvas,
  shape: SliceShape,
  { from: [ax, ay, az], to: [bx, by, bz] }: Segment,
  radius: number,
  thickness: number,
  paint: (k: number, cover: number) => void,
): void {
  const sharp = 1 / canvas.pixelMm;
  const [c0, r0] = canvas.toPixel(ax, ay), [c1, r1] = canvas.toPixel(bx, by);
  const margin = radius * sharp + 2, last = canvas.size - 1;
  const left = Math.max(0, Math.floor(Math.min(c0, c1) - margin));
  const right = Math.min(last, Math.ceil(Math.max(c0, c1) + margin));
  const top = Math.max(0, Math.floor(Math.min(r0, r1) - margin));
  const bottom = Math.min(last, Math.ceil(Math.max(r0, r1) + margin));
  const dx = bx - ax, dy = by - ay, dz = bz - az, pz = shape.z - az;
  const length2 = dx * dx + dy * dy + dz * dz || 1;
  // A tube thinner than a pixel or than the slice only fills a part of the voxel.
  const fill = Math.min(1, 2 * radius * sharp) * Math.min(1, 0.35 + 2 * radius / (thickness + 0.1));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const k = row * canvas.size + column;
      const px = canvas.x[k]! - ax, py = canvas.y[k]! - ay;
      const along = clamp01((px * dx + py * dy + pz * dz) / length2);
      const ex = px - along * dx, ey = py - along * dy;
      const ez = Math.max(0, Math.abs(pz - along * dz) - thickness * 0.35);
      const cover = (0.5 + (radius - Math.sqrt(ex * ex + ey * ey + ez * ez)) * sharp) * fill;
      if (cover > 0) paint(k, clamp01(cover));
    }
  }
}
