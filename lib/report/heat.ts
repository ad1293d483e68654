/** The colours of heat maps: from clear through red and orange to light yellow; lightness rises with the value. */
import sharp from "sharp";

type Colour = readonly [red: number, green: number, blue: number];

/** Place on the scale 0 … 1 and its colour (ColorBrewer's YlOrRd, dark end first). */
export const heatStops: readonly (readonly [place: number, colour: Colour])[] = [
  [0, [128, 0, 38]],
  [0.25, [227, 26, 28]],
  [0.5, [253, 141, 60]],
  [0.75, [254, 217, 118]],
  [1, [255, 255, 204]],
];

/** Opacity at the top of the scale; it falls linearly to 0, so that cold regions stay grey. */
const densest = 0.75;

/** Grey pixels under heat, as RGB: `heat` in units of `maximum`, clipped to 0 … 1. */
export function blendHeat(grey: Uint8Array, heat: ArrayLike<number>, maximum: number): Uint8Array {
  const rgb = new Uint8Array(3 * grey.length);
  for (let i = 0; i < grey.length; i++) {
    const value = maximum > 0 ? Math.min(1, Math.max(0, heat[i]! / maximum)) : 0, opacity = densest * value;
    const colour = heatColour(value);
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round((1 - opacity) * grey[i]! + opacity * colour[c]!);
  }
  return rgb;
}

export function heatColour(value: number): Colour {
  const above = Math.max(1, heatStops.findIndex(([place]) => place >= value));
  const [x0, low] = heatStops[above - 1]!, [x1, high] = heatStops[above]!;
  const share = (value - x0) / (x1 - x0);
  const mix = (c: 0 | 1 | 2) => low[c] + (high[c] - low[c]) * share;
  return [mix(0), mix(1), mix(2)];
}

/** Raw pixels as a JPEG data URI, at most `side` pixels on its longer side. */
export async function dataUri(
  pixels: Uint8Array,
  { width, height, channels }: { readonly width: number; readonly height: number; readonly channels: 1 | 3 },
  side = 300,
): Promise<string> {
  const jpeg = await sharp(pixels, { raw: { width, height, channels } })
    .resize({ width: side, height: side, fit: "inside", kernel: "cubic" })
    .jpeg({ quality: 88, chromaSubsampling: "4:4:4" })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}
