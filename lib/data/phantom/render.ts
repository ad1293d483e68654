/** A scan of a synthetic patient, slice by slice. */
import { randomStream } from "../../random.ts";
import { type Acquisition, drawAcquisition } from "./acquisition.ts";
import { type Anatomy, drawAnatomy, sliceShape } from "./anatomy.ts";
import { paintBody, paintRibs, paintSpine, paintSternumAndScapulae, paintTable } from "./body.ts";
import { type Canvas, createCanvas } from "./canvas.ts";
import { paintCavity, paintLungs, paintSegments } from "./chest.ts";
import { noiseField, pixelNoise } from "./noise.ts";
import { drawOpacity, type Grade, type Opacity } from "./opacity.ts";
import { type Confounder, defaultConfounder } from "./recipe.ts";
import { growVessels } from "./vessels.ts";

/** What decides a scan: the same values give the same pixels. */
export interface ScanSource {
  readonly seed: number;
  readonly patient: string;
  readonly id: string;
  readonly isPositive: boolean;
  readonly grade: Grade;
  readonly sliceSize: number;
  readonly depthScale: number;
  readonly confounder?: Confounder;
}

export interface RenderedSlice {
  /** Grey levels, uint8 [sliceSize · sliceSize]. */
  readonly grey: Uint8Array;
  /** 0 or 1, uint8 [sliceSize · sliceSize]. */
  readonly lung: Uint8Array;
  readonly lesion: Uint8Array;
}

export interface PhantomScan {
  readonly anatomy: Anatomy;
  readonly acquisition: Acquisition;
  readonly opacity: Opacity;
  slice(index: number): RenderedSlice;
}

/** Anatomy belongs to the patient; disease and acquisition to the scan. */
export function drawScan(source: ScanSource): PhantomScan {
  const { seed, patient, id, isPositive, grade, sliceSize, depthScale, confounder = defaultConfounder } = source;
  const anatomy = drawAnatomy(randomStream(seed, "phantom", "anatomy", patient));
  const segments = growVessels(anatomy, randomStream(seed, "phantom", "vessels", patient));
  const acquisition = drawAcquisition({
    anatomy,
    sliceSize,
    depthScale,
    random: randomStream(seed, "phantom", "acquisition", id),
  });
  const opacity = drawOpacity({
    anatomy,
    grade,
    isLesion: isPositive,
    smoothAmount: smoothAmount(confounder, isPositive),
    random: randomStream(seed, "phantom", "opacity", id),
  });
  const fields = randomStream(seed, "phantom", "texture", id);
  const streaks = noiseField(fields, 17), fatness = noiseField(fields, 24), texture = noiseField(fields, 3.2);
  const noiseSeed = fields.integer(1, 0x7fffffff);
  const canvas = createCanvas(sliceSize, acquisition);
  return {
    anatomy,
    acquisition,
    opacity,
    slice(index) {
      const shape = sliceShape(anatomy, acquisition.firstMm + index * acquisition.spacingMm);
      paintBody(canvas, shape, streaks);
      paintRibs(canvas, shape);
      paintSternumAndScapulae(canvas, shape);
      paintCavity(canvas, shape, fatness);
      paintLungs(canvas, shape, { lungHu: acquisition.lungHu, opacity, texture });
      paintSpine(canvas, shape);
      paintSegments(canvas, shape, segments, acquisition.spacingMm);
      paintTable(canvas, shape, acquisition.tableMm);
      return develop(canvas, acquisition, index, noiseSeed + 7919 * index);
    },
  };
}

/** How much smooth density lies in the lungs of a scan. */
function smoothAmount(confounder: Confounder, isPositive: boolean): 0 | 1 | 2 {
  switch (confounder) {
    case "negatives":
      return isPositive ? 0 : 1;
    case "both":
      return 1;
    case "balanced":
      return isPositive ? 1 : 2;
    case "none":
      return 0;
  }
}

/** Noise, reconstruction kernel, motion, window: HU to grey levels. */
function develop(canvas: Canvas, acquisition: Acquisition, index: number, seed: number): RenderedSlice {
  const { size, hu } = canvas;
  const { noiseHu, blur, window: [black, white], motion, depth } = acquisition;
  const noise = pixelNoise(seed);
  for (let k = 0; k < hu.length; k++) hu[k]! += noise() * noiseHu * (0.35 + 0.65 * canvas.body[k]!);
  blurRows(hu, size, blur);
  blurColumns(hu, size, blur);
  const share = index / depth;
  if (motion !== undefined && share > motion[0] && share < motion[1]) {
    for (let pass = 0; pass < motion[2]; pass++) blurColumns(hu, size, 0.25);
  }
  const scale = 255 / (white - black);
  const grey = new Uint8ClampedArray(hu.length);
  for (let k = 0; k < hu.length; k++) grey[k] = (hu[k]! - black) * scale;
  return { grey: new Uint8Array(grey.buffer), lung: cut(canvas.lung), lesion: cut(canvas.lesion) };
}

/** 1 where at least half of the pixel is covered. */
function cut(share: Float32Array): Uint8Array {
  const mask = new Uint8Array(share.length);
  for (let k = 0; k < mask.length; k++) if (share[k]! >= 0.5) mask[k] = 1;
  return mask;
}

/** [w, 1 − 2w, w] along rows, in place; the first and last columns stay. */
function blurRows(image: Float32Array, size: number, weight: number): void {
  for (let row = 0; row < size; row++) {
    let previous = image[row * size]!;
    for (let column = 1; column < size - 1; column++) {
      const k = row * size + column, here = image[k]!;
      image[k] = here + weight * (previous + image[k + 1]! - 2 * here);
      previous = here;
    }
  }
}

function blurColumns(image: Float32Array, size: number, weight: number): void {
  const previous = image.slice(0, size);
  for (let k = size; k < image.length - size; k++) {
    const column = k % size, here = image[k]!;
    image[k] = here + weight * (previous[column]! + image[k + size]! - 2 * here);
    previous[column] = here;
  }
}
