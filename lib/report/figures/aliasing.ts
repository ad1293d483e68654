/** What shrinking does to detail that the smaller image cannot hold: with and without a low-pass filter. */
import sharp from "sharp";
import { cubicKernel, type GreyImage, resizeBicubic } from "../../data/bicubic.ts";
import { ConfigError } from "../../errors.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { ink } from "../style.ts";

export interface AliasingFigureOptions {
  /** Pixels of a side of the zone plate (default 256). */
  readonly side?: number;
  /** Pixels of a side after shrinking, fewer than `side` (default 64). */
  readonly target?: number;
  readonly name?: string;
}

const drawn = 200, labelHeight = 36;

/**
 * A zone plate, cos(π r²/side): its rings are as close as 2 pixels at the edge. Rings closer than 2 pixels of the target
 * (outside of radius target/2 in the original) must become flat grey; what is seen there instead is aliasing. The rows
 * give the contrast (standard deviation of the grey values) that is left there.
 * @throws ConfigError "aliasing.size"
 */
export async function aliasingFigure(options: AliasingFigureOptions = {}): Promise<Figure> {
  const { side = 256, target = 64, name = "aliasing" } = options;
  if (!(target >= 4 && target < side)) {
    throw new ConfigError("aliasing.size", "the zone plate is to be shrunk", {
      expected: `4 … ${side - 1} pixels`,
      found: `${target}`,
    });
  }
  const plate = zonePlate(side);
  const images = [
    { method: "original", image: plate },
    { method: "one pixel of each block", image: pointSampled(plate, target) },
    { method: "cubic, not widened", image: cubicOnce(plate, target) },
    { method: "bicubic, widened", image: resizeBicubic(plate, target, target) },
  ];
  const title = "Aliasing";
  const caption =
    `A zone plate of ${side}×${side} pixels shrunk to ${target}×${target}. Rings that are too close for ` +
    "the small image must turn grey; without a widened kernel they come back as rings that are not there.";
  const rows = images.map(({ method, image }) => ({
    method,
    side: image.width,
    contrast_beyond_limit: contrastBeyond(image, target / 2 * image.width / side),
  }));
  const panels = await Promise.all(
    images.map(({ method, image }, i) => tile(method, image, rows[i]!.contrast_beyond_limit)),
  );
  return { name, title, caption, svg: frame({ title, caption, columns: 4, panels }), rows };
}

/** 8-bit rings around the centre, with a frequency of r/side cycles a pixel. */
export function zonePlate(side: number): GreyImage {
  const pixels = new Uint8Array(side * side), middle = (side - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const squared = (x - middle) ** 2 + (y - middle) ** 2;
      pixels[y * side + x] = Math.round(127.5 * (1 + Math.cos(Math.PI * squared / side)));
    }
  }
  return { pixels, width: side, height: side };
}

function pointSampled({ pixels, width, height }: GreyImage, target: number): GreyImage {
  const at = (i: number, size: number) => Math.floor((i + 0.5) * size / target);
  const output = Uint8Array.from(
    { length: target * target },
    (_, i) => pixels[at(Math.floor(i / target), height) * width + at(i % target, width)]!,
  );
  return { pixels: output, width: target, height: target };
}

/** Cubic convolution with the kernel as wide as in the original image, as for enlarging: no low-pass filter. */
function cubicOnce({ pixels, width, height }: GreyImage, target: number): GreyImage {
  const output = new Uint8Array(target * target);
  for (let row = 0; row < target; row++) {
    for (let column = 0; column < target; column++) {
      const y = (row + 0.5) * height / target - 0.5, x = (column + 0.5) * width / target - 0.5;
      let sum = 0, weights = 0;
      for (let j = Math.ceil(y - 2); j <= y + 2; j++) {
        for (let i = Math.ceil(x - 2); i <= x + 2; i++) {
          if (i < 0 || j < 0 || i >= width || j >= height) continue;
          const weight = cubicKernel(y - j) * cubicKernel(x - i);
          sum += weight * pixels[j * width + i]!;
          weights += weight;
        }
      }
      output[row * target + column] = Math.min(255, Math.max(0, Math.round(sum / weights)));
    }
  }
  return { pixels: output, width: target, height: target };
}

/** Standard deviation of the grey values farther than `radius` pixels (and a tenth, for the kernel's slope) from the centre. */
function contrastBeyond({ pixels, width, height }: GreyImage, radius: number): number {
  const outside: number[] = [], limit = 1.1 * radius;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.hypot(x - (width - 1) / 2, y - (height - 1) / 2) > limit) outside.push(pixels[y * width + x]!);
    }
  }
  const mean = outside.reduce((sum, value) => sum + value, 0) / outside.length;
  return Math.sqrt(outside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / outside.length);
}

async function tile(method: string, { pixels, width, height }: GreyImage, contrast: number): Promise<Panel> {
  // Enlarged here without smoothing: viewers differ in how they enlarge a picture.
  const scale = Math.max(1, Math.round(2 * drawn / width));
  const png = await sharp(pixels, { raw: { width, height, channels: 1 } }).toColourspace("b-w")
    .resize({ width: width * scale, kernel: "nearest" }).png().toBuffer();
  const text = (y: number, content: string, weight = 400) =>
    svgElement("text", { x: 2, y, "font-size": 11, "font-weight": weight, fill: ink }, [content]);
  const content = svgElement("g", {}, [
    svgElement("image", { href: `data:image/png;base64,${png.toString("base64")}`, width: drawn, height: drawn }),
    text(drawn + 14, `${method}, ${width}×${height}`, 700),
    text(drawn + 29, `contrast beyond the limit: ${contrast.toFixed(1)}`),
  ]);
  return { content, width: drawn, height: drawn + labelHeight };
}
