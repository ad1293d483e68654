/** Slices through one volume, evenly spaced, in grey and with an overlay where one is given. */
import sharp from "sharp";
import type { Volume } from "../../data/types.ts";
import { ConfigError } from "../../errors.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { ink } from "../style.ts";

export const planes = ["axial", "coronal", "sagittal"] as const;
export type Plane = typeof planes[number];

export interface VolumeMontageOptions {
  readonly volume: Pick<Volume, "voxels" | "shape" | "intensity" | "source"> & {
    readonly spacingMm?: Volume["spacingMm"];
  };
  /** Values of 0 … 1 for every voxel of the volume, drawn in colour over the grey. */
  readonly overlay?: ArrayLike<number>;
  /** Strongest opacity of the overlay (default 0.5). */
  readonly opacity?: number;
  /** Grey values shown as black and white; by default all of "uint8" and "unit", −1150 … 350 HU of "hu". */
  readonly window?: readonly [low: number, high: number];
  /** Default "axial". */
  readonly plane?: Plane;
  /** Default 12, or as many as there are. */
  readonly slices?: number;
  readonly columns?: number;
  /** Text below a slice; plane and index by default. */
  readonly label?: (slice: number) => string;
  readonly title?: string;
  readonly name?: string;
}

/** [low, high] of the grey scale that shows a volume whole; the HU window is the one of preprocessing. */
export function defaultWindow(intensity: Volume["intensity"]): readonly [number, number] {
  return { uint8: [0, 255], unit: [0, 1], hu: [-1150, 350] }[intensity] as unknown as readonly [number, number];
}

/** A montage of slices. @throws ConfigError when the overlay does not have the volume's number of voxels */
export async function volumeMontage(options: VolumeMontageOptions): Promise<Figure> {
  const { volume, overlay, plane = "axial", columns = 6, name = "volume", title = "Volume" } = options;
  if (overlay !== undefined && overlay.length !== volume.voxels.length) {
    throw new ConfigError("montage.overlay", "the overlay does not fit the volume", {
      expected: `${volume.voxels.length} values, shape ${volume.shape.join("×")}`,
      found: `${overlay.length}`,
    });
  }
  const cut = cutter(volume.shape, plane);
  const chosen = evenly(cut.count, options.slices ?? 12);
  const [low, high] = options.window ?? defaultWindow(volume.intensity);
  const panels = await Promise.all(chosen.map((slice) => tile(options, cut, slice, [low, high])));
  const caption = `${chosen.length} of ${cut.count} ${plane} slices of a ${volume.shape.join("×")} volume, ` +
    `window ${low} … ${high}${overlay === undefined ? "" : ", with an overlay in colour"}.`;
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, columns: Math.min(columns, panels.length), panels }),
    rows: chosen.map((slice) => ({ plane, slice, ...statistics(volume.voxels, cut, slice) })),
  };
}

/** How one plane's slices lie in the flat array [D, H, W]. */
export interface Cut {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  indexOf(slice: number, row: number, column: number): number;
}

export function cutter([depth, height, width]: Volume["shape"], plane: Plane): Cut {
  const at = (z: number, y: number, x: number) => (z * height + y) * width + x;
  switch (plane) {
    case "axial":
      return { count: depth, rows: height, columns: width, indexOf: at };
    case "coronal":
      return { count: height, rows: depth, columns: width, indexOf: (y, z, x) => at(z, y, x) };
    case "sagittal":
      return { count: width, rows: depth, columns: height, indexOf: (x, z, y) => at(z, y, x) };
  }
}

/** `wanted` of `count` indices, evenly spaced, the ends included. */
export function evenly(count: number, wanted: number): number[] {
  const chosen = Math.min(count, Math.max(1, wanted));
  if (chosen === 1) return [Math.floor((count - 1) / 2)];
  return Array.from({ length: chosen }, (_, i) => Math.round(i * (count - 1) / (chosen - 1)));
}

const side = 120;

async function tile(
  { volume, overlay, opacity = 0.5, plane = "axial", label }: VolumeMontageOptions,
  cut: Cut,
  slice: number,
  [low, high]: readonly [number, number],
): Promise<Panel> {
  const rgb = new Uint8Array(3 * cut.rows * cut.columns);
  for (let row = 0, at = 0; row < cut.rows; row++) {
    for (let column = 0; column < cut.columns; column++, at += 3) {
      const voxel = cut.indexOf(slice, row, column);
      const grey = 255 * clamp((volume.voxels[voxel]! - low) / (high - low));
      const heat = overlay === undefined ? 0 : clamp(overlay[voxel]!);
      const share = heat * opacity, colour = heatColour(heat);
      for (let c = 0; c < 3; c++) rgb[at + c] = Math.round((1 - share) * grey + share * colour[c]!);
    }
  }
  const png = await sharp(rgb, { raw: { width: cut.columns, height: cut.rows, channels: 3 } }).png().toBuffer();
  const [rowMm, columnMm] = pixelSize(volume.spacingMm, plane);
  const aspect = (cut.rows * rowMm) / (cut.columns * columnMm);
  const width = aspect > 1 ? side / aspect : side, height = aspect > 1 ? side : side * aspect;
  const content = svgElement("g", {}, [
    svgElement("image", {
      href: `data:image/png;base64,${png.toString("base64")}`,
      width,
      height,
      x: (side - width) / 2,
      preserveAspectRatio: "none",
    }),
    svgElement("text", { x: 2, y: height + 12, "font-size": 10, fill: ink }, [label?.(slice) ?? `${plane} ${slice}`]),
  ]);
  return { content, width: side, height: height + 16 };
}

function pixelSize(spacing: Volume["spacingMm"], plane: Plane): readonly [row: number, column: number] {
  const [depth, height, width] = spacing ?? [1, 1, 1];
  return plane === "axial" ? [height, width] : plane === "coronal" ? [depth, width] : [depth, height];
}

/** Black-body colours, dark red through orange to pale yellow: order is visible without colour vision too. */
export function heatColour(value: number): readonly [number, number, number] {
  return [255 * clamp(0.35 + 1.6 * value), 255 * clamp(1.7 * value - 0.35), 255 * clamp(2.5 * value - 1.6)];
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function statistics(voxels: ArrayLike<number>, cut: Cut, slice: number) {
  let least = Infinity, largest = -Infinity, sum = 0;
  for (let row = 0; row < cut.rows; row++) {
    for (let column = 0; column < cut.columns; column++) {
      const value = voxels[cut.indexOf(slice, row, column)]!;
      least = Math.min(least, value);
      largest = Math.max(largest, value);
      sum += value;
    }
  }
  return { minimum: least, mean: sum / (cut.rows * cut.columns), maximum: largest };
}
