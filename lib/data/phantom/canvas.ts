/** One slice being painted: HU per pixel, with each pixel's place in the patient. */
import type { Acquisition } from "./acquisition.ts";

export interface Canvas {
  readonly size: number;
  readonly pixelMm: number;
  /** Patient coordinates (mm) of each pixel. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly hu: Float32Array;
  /** Share of the pixel that lies in the body, in the lung and in a lesion, 0…1. */
  readonly body: Float32Array;
  /** Distance inside the chest cavity in mm. */
  readonly cavity: Float32Array;
  readonly lung: Float32Array;
  readonly lesion: Float32Array;
  /** Column and row (fractional) of a point in the patient. */
  toPixel(x: number, y: number): readonly [column: number, row: number];
}

export function createCanvas(size: number, { pixelMm, pose }: Acquisition): Canvas {
  const buffer = () => new Float32Array(size * size);
  const x = buffer(), y = buffer();
  // Rotation by 2·atan(halfAngle), without transcendental functions.
  const norm = 1 + pose.halfAngle * pose.halfAngle;
  const cos = (1 - pose.halfAngle * pose.halfAngle) / norm, sin = 2 * pose.halfAngle / norm;
  const centre = (size - 1) / 2;
  for (let row = 0, k = 0; row < size; row++) {
    for (let column = 0; column < size; column++, k++) {
      const px = (column - centre) * pixelMm - pose.x, py = (row - centre) * pixelMm - pose.y;
      x[k] = cos * px + sin * py;
      y[k] = cos * py - sin * px;
    }
  }
  return {
    size,
    pixelMm,
    x,
    y,
    hu: buffer(),
    body: buffer(),
    cavity: buffer(),
    lung: buffer(),
    lesion: buffer(),
    toPixel: (px, py) => [
      (cos * px - sin * py + pose.x) / pixelMm + centre,
      (cos * py + sin * px + pose.y) / pixelMm + centre,
    ],
  };
}

/** Moves pixel k towards `hu` by its coverage. */
export function blend(canvas: Canvas, k: number, hu: number, coverage: number): void {
  const c = coverage < 0 ? 0 : coverage > 1 ? 1 : coverage;
  canvas.hu[k]! += (hu - canvas.hu[k]!) * c;
}
