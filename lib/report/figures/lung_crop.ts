/** What the lung crop does to a scan: slices through the depth with the lung's outline and the box. */
import sharp from "sharp";
import { type LocatedLung, locateLung } from "../../data/lung_crop/crop.ts";
import { type LoadScanOptions, readSquares } from "../../data/read.ts";
import type { Scan } from "../../data/types.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { maskOutline } from "../slice_picture.ts";
import { ink, okabeIto } from "../style.ts";

export interface LungCropPreviewOptions extends LoadScanOptions {
  readonly scan: Scan;
  /** Pictures, evenly through the depth (default 12, at most one a slice). */
  readonly slices?: number;
  readonly columns?: number;
}

const side = 200;
const captionHeight = 18;
/** The outline is traced on every second voxel: half of 512 is still finer than the picture. */
const step = 2;

/**
 * A montage with the lung's outline and the box, to be looked at before a whole dataset is cropped; slices outside of the
 * box have a grey frame. The rows are the same in numbers.
 * @throws DataError as `loadScan`
 */
export async function lungCropPreview(options: LungCropPreviewOptions): Promise<Figure> {
  const { scan, slices = 12, columns = 4, ...reading } = options;
  const { planes, count } = await readSquares(scan, reading);
  const located = locateLung(planes, count), { crop, size } = located, shown = Math.min(slices, size.depth);
  const places = Array.from({ length: shown }, (_, i) => Math.floor((i + 0.5) * size.depth / shown));
  const title = "Lung crop", caption = describeCrop(scan.key, located);
  const panels = await Promise.all(places.map((z) => tile(located, z)));
  return {
    name: "lung-crop",
    title,
    caption,
    svg: frame({ title, caption, columns: Math.min(columns, shown), panels: headed(panels, columns, caption) }),
    rows: [{
      scan: scan.key,
      crop: crop.kind,
      reason: crop.reason ?? null,
      slices: size.depth,
      blank: crop.dropped.length,
      ...corners(located),
      threshold: crop.threshold ?? null,
      radius: crop.radius ?? null,
    }],
  };
}

function corners({ crop: { box: { start, end } } }: LocatedLung) {
  return {
    depth_start: start.depth,
    depth_end: end.depth,
    height_start: start.height,
    height_end: end.height,
    width_start: start.width,
    width_end: end.width,
  };
}

/** "train/covid/ct_scan_3: slices 2 to 60 of 61, rows 91 to 393, columns 59 to 454 of 512". */
function describeCrop(scan: string, { crop: { kind, reason, box: { start, end } }, size }: LocatedLung): string {
  if (kind === "whole") return `${scan}: not cropped (${reason})`;
  const { depth, height, width } = start;
  return `${scan}: slices ${depth + 1} to ${end.depth} of ${size.depth}, rows ${height + 1} to ${end.height}, ` +
    `columns ${width + 1} to ${end.width} of ${size.width}`;
}

/** The caption over the first row: it begins over the first picture and the others leave room. */
function headed(panels: Panel[], columns: number, caption: string): Panel[] {
  return panels.map((panel, i) => i >= columns ? panel : { ...panel, heading: i === 0 ? caption : " " });
}

async function tile({ voxels, size, lung, crop: { kind, box } }: LocatedLung, z: number): Promise<Panel> {
  const { height, width } = size, plane = voxels.slice(z * height * width, (z + 1) * height * width);
  const picture = await sharp(plane, { raw: { width, height, channels: 1 } }).toColourspace("b-w")
    .resize({ width: 2 * side }).jpeg({ quality: 88 }).toBuffer();
  const isInside = kind === "lung" && z >= box.start.depth && z < box.end.depth, scale = side / width;
  const mask = new Uint8Array((height / step) * (width / step));
  if (lung !== undefined) {
    for (let i = 0; i < mask.length; i++) {
      const y = Math.floor(i / (width / step)), x = i % (width / step);
      mask[i] = Number(lung.mask.has(z, y * step, x * step));
    }
  }
  const line = (stroke: string, pixels: number) => ({ fill: "none", stroke, "stroke-width": pixels });
  const content = svgElement("g", {}, [
    svgElement("image", { href: `data:image/jpeg;base64,${picture.toString("base64")}`, width: side, height: side }),
    svgElement("path", {
      d: maskOutline(mask, width / step),
      transform: `scale(${scale * step})`,
      ...line(okabeIto.skyBlue, 1.2 / scale / step),
    }),
    isInside
      ? svgElement("rect", {
        x: box.start.width * scale,
        y: box.start.height * scale,
        width: (box.end.width - box.start.width) * scale,
        height: (box.end.height - box.start.height) * scale,
        ...line(okabeIto.orange, 2),
      })
      : svgElement("rect", { width: side, height: side, ...line("#8a8a8a", 3) }),
    svgElement("text", { x: 2, y: side + 13, "font-size": 11, fill: ink }, [
      `slice ${z + 1}${isInside || kind === "whole" ? "" : ", left out"}`,
    ]),
  ]);
  return { content, width: side, height: side + captionHeight };
}
