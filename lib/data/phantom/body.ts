/** Body wall, bones and table: everything outside the chest cavity. */
import { cavityDistance, type SliceShape, spineDistance, squircle } from "./anatomy.ts";
import { blend, type Canvas } from "./canvas.ts";
import { clamp01, type NoiseField, smoothstep } from "./noise.ts";

export const hounsfield = {
  air: -1000,
  fat: -95,
  muscle: 50,
  blood: 45,
  liver: 60,
  marrow: 220,
  cortex: 800,
  disc: 90,
  cartilage: 120,
} as const;

/** Air, skin, subcutaneous fat, muscle with fat streaks. Fills `canvas.body` and `canvas.cavity`. */
export function paintBody(canvas: Canvas, shape: SliceShape, streaks: NoiseField): void {
  const { a, b, y: centre } = shape.body;
  const { fat, muscle } = shape.anatomy;
  const squareness = 0.55 * shape.squareness + 0.15;
  const sharp = 1 / canvas.pixelMm;
  for (let k = 0; k < canvas.hu.length; k++) {
    const x = canvas.x[k]!, y = canvas.y[k]! - centre;
    const skin = squircle(x, y, a, b, squareness);
    const inside = clamp01(0.5 + skin * sharp);
    canvas.body[k] = inside;
    canvas.lung[k] = 0;
    canvas.lesion[k] = 0;
    canvas.hu[k] = hounsfield.air;
    if (inside === 0) continue;
    canvas.cavity[k] = cavityDistance(shape, x, canvas.y[k]!);
    blend(canvas, k, skin < 1.8 ? -10 : hounsfield.fat, inside);
    // Fat is thinner over the spine and the sternum, and bulges between.
    const layer = fat * (0.75 + 0.35 * smoothstep(0.1, 0.7, Math.abs(x) / a));
    const beneath = clamp01(0.5 + (skin - layer) * sharp);
    if (beneath === 0 || canvas.cavity[k]! > 2) continue;
    const plane = smoothstep(0.38, 0.6, streaks.at(x, canvas.y[k]!, shape.z * 0.5)) *
      smoothstep(muscle * 0.4, muscle, skin - layer);
    blend(canvas, k, hounsfield.muscle + (hounsfield.fat - hounsfield.muscle) * 0.9 * plane, beneath);
  }
}

/** Oblique rings of bone in the chest wall; a slice cuts each one where it passes. */
export function paintRibs(canvas: Canvas, shape: SliceShape): void {
  const { a, b, y: centre } = shape.cavity;
  const { spacing, phase, drop } = shape.anatomy.ribs;
  if (shape.t < -0.02 || shape.t > 1.15) return;
  const sharp = 1 / canvas.pixelMm;
  for (let k = 0; k < canvas.hu.length; k++) {
    if (canvas.body[k]! === 0) continue;
    const outside = -canvas.cavity[k]!;
    if (outside < -3 || outside > 16) continue;
    const x = Math.min(1, Math.abs(canvas.x[k]!) / a), y = (canvas.y[k]! - centre) / b;
    // 0 at the spine, ½ at the side, 1 at the sternum.
    const around = y > 0 ? 0.25 * (x + 1 - y) : 1 - 0.25 * (x + 1 + y);
    const turns = (shape.z - drop * around) / spacing + phase;
    const radial = (outside - 5.2) / 4.4, along = (turns - Math.floor(turns) - 0.5) / 0.24;
    const depth = (1 - Math.sqrt(radial * radial + along * along)) * 4.4;
    const inside = 0.5 + depth * sharp;
    if (inside <= 0) continue;
    const bone = around > 0.86 ? hounsfield.cartilage : depth > 1.5 ? hounsfield.marrow : hounsfield.cortex;
    blend(canvas, k, bone, inside * canvas.body[k]!);
  }
}

/** Vertebral body or disc, canal, arch and processes; sternum in front; scapulae beside the upper chest. */
export function paintSpine(canvas: Canvas, shape: SliceShape): void {
  const { spacing, phase } = shape.anatomy.vertebra;
  const { y: centre, rx, ry } = shape.spine;
  const turns = shape.z / spacing + phase, level = turns - Math.floor(turns);
  const isDisc = level < 0.2, hasArch = level > 0.25 && level < 0.8;
  const sharp = 1 / canvas.pixelMm;
  for (let k = 0; k < canvas.hu.length; k++) {
    const x = canvas.x[k]!, y = canvas.y[k]! - centre;
    if (canvas.body[k]! === 0 || Math.abs(x) > rx + 26 || y < -ry - 3 || y > ry + 42) continue;
    if (y > -2 && canvas.cavity[k]! > -3) {
      const beside = spineDistance(shape, canvas.x[k]!, canvas.y[k]!) - 2;
      blend(canvas, k, hounsfield.muscle, 0.5 + beside * sharp);
    }
    const vertebra = squircle(x, y, rx, ry, 0.3);
    const canalX = x / 9.5, canalY = (y - ry - 7) / 8;
    const canal = (1 - Math.sqrt(canalX * canalX + canalY * canalY)) * 8.5;
    if (hasArch) {
      const ring = 5.5 - Math.abs(canal + 4);
      const wing = 4 - Math.abs(y - ry - 4 - 0.25 * Math.abs(x)) - Math.max(0, Math.abs(x) - rx - 14);
      const spinous = 3.2 - Math.abs(x) - Math.max(0, y - ry - 38) - Math.max(0, ry + 14 - y);
      blend(canvas, k, 480, 0.5 + Math.max(ring, wing, spinous) * sharp);
    }
    blend(canvas, k, isDisc ? hounsfield.disc : vertebra < 2 ? 650 : hounsfield.marrow, 0.5 + vertebra * sharp);
    blend(canvas, k, 25, 0.5 + canal * sharp);
  }
}

export function paintSternumAndScapulae(canvas: Canvas, shape: SliceShape): void {
  const { a, b, y: centre } = shape.cavity;
  const { t } = shape;
  const sharp = 1 / canvas.pixelMm;
  const sternumWidth = 18 * smoothstep(0.02, 0.12, t) * (1 - smoothstep(0.55, 0.66, t));
  const bladeLength = t < 0.42 ? 24 * smoothstep(0.45, 0.2, t) + 8 : 0;
  const bladeX = a * 0.78 + 14, bladeY = centre + b * 0.66 + 16;
  for (let k = 0; k < canvas.hu.length; k++) {
    if (canvas.body[k]! === 0) continue;
    const x = Math.abs(canvas.x[k]!), y = canvas.y[k]!;
    if (sternumWidth > 4 && x < 24 && y < centre) {
      const plate = squircle(x, y - (centre - b - 6), sternumWidth, 6.5, 0.6);
      blend(canvas, k, plate < 2 ? 550 : hounsfield.marrow, (0.5 + plate * sharp) * canvas.body[k]!);
    }
    if (bladeLength > 0 && x > 50 && y > 0) {
      // A thin plate, a little curved, that follows the back of the ribs.
      const u = (x - bladeX) * 0.8 - (y - bladeY) * 0.6;
      const v = (x - bladeX) * 0.6 + (y - bladeY) * 0.8 + u * u / 90;
      const plate = Math.min(2.6 - Math.abs(v), bladeLength - Math.abs(u));
      blend(canvas, k, 600, (0.5 + plate * sharp) * canvas.body[k]!);
    }
  }
}

/** The curved table top: two thin shells around foam, below the back. */
export function paintTable(canvas: Canvas, shape: SliceShape, gapMm: number): void {
  const surface = shape.anatomy.halfDepth + 1.15 * shape.anatomy.muscle + 0.9 * shape.anatomy.fat + 5 + gapMm;
  const sharp = 1 / canvas.pixelMm;
  for (let k = 0; k < canvas.hu.length; k++) {
    const outside = 1 - canvas.body[k]!;
    const x = canvas.x[k]!;
    if (outside === 0 || Math.abs(x) > 205) continue;
    const depth = canvas.y[k]! - surface + x * x / 900;
    if (depth < -2 || depth > 26) continue;
    const shell = 1.4 - Math.min(Math.abs(depth), Math.abs(depth - 22));
    if (depth > 0 && depth < 22) blend(canvas, k, -930, outside);
    blend(canvas, k, -350, (0.5 + shell * sharp) * outside);
  }
}
