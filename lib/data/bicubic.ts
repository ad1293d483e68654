/**
 * Pillow's BICUBIC resampling of 8-bit images, bit for bit: cubic kernel with a = −0.5, widened by the scale
 * when shrinking (antialiasing), weights in 22-bit fixed point, horizontal pass first, each pass rounded and clipped.
 * That is Pillow up to 12; Pillow 13 begins with the vertical pass where an image is much taller than wide, which CT
 * slices are not, and then differs by the rounding in between.
 */
import { type AxisWeights, packWeights, precisionBits, resampleTwice, type Taps } from "./bicubic_kernel.ts";

/** One image of 8-bit grey values in row-major order [height, width]. */
export interface GreyImage {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Resizes to `width` × `height`; the same pixels as Pillow's `image.resize((width, height), Image.BICUBIC)`. */
export function resizeBicubic(image: GreyImage, width: number, height: number): GreyImage {
  if (image.width === width && image.height === height) return image;
  const across = axisWeights(image.width, width), down = axisWeights(image.height, height);
  return { pixels: resampleTwice(image, across, down), width, height };
}

/** The cubic convolution kernel (Keys 1981) with a = −0.5. */
export function cubicKernel(x: number): number {
  const a = -0.5, t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

const weightsCache = new Map<string, AxisWeights>();

/** Weights for one axis; equal sizes give the identity, as Pillow leaves that pass out. */
function axisWeights(inputSize: number, outputSize: number): AxisWeights {
  const key = `${inputSize}>${outputSize}`;
  let found = weightsCache.get(key);
  if (found === undefined) {
    if (weightsCache.size > 256) weightsCache.clear(); // scans of odd sizes must not pile up
    weightsCache.set(
      key,
      found = packWeights(inputSize === outputSize ? identity(inputSize) : taps(inputSize, outputSize)),
    );
  }
  return found;
}

const identity = (size: number): Taps[] =>
  Array.from({ length: size }, (_, i) => ({ first: i, weights: [1 << precisionBits] }));

/** Pillow's fixed-point weights for each output pixel. */
function taps(inputSize: number, outputSize: number): Taps[] {
  const scale = inputSize / outputSize, stretch = Math.max(scale, 1), support = 2 * stretch, inverse = 1 / stretch;
  return Array.from({ length: outputSize }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    const row = Array.from({ length: end - first }, (_, k) => cubicKernel((k + first - center + 0.5) * inverse));
    const sum = row.reduce((total, weight) => total + weight, 0);
    return { first, weights: row.map((weight) => fixedPoint(sum === 0 ? weight : weight / sum)) };
  });
}

function fixedPoint(weight: number): number {
  const scaled = weight * (1 << precisionBits);
  return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}
