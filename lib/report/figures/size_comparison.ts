/** One scan at several sizes of preprocessing, beside its own slices: what detail each keeps. */
import sharp from "sharp";
import { join } from "node:path";
import { readImage } from "../../data/image.ts";
import { emptyScan, loadScan } from "../../data/read.ts";
import { formatSize, namedSizes, recipeFor } from "../../data/size.ts";
import type { Scan, Volume, VolumeSize } from "../../data/types.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { ink } from "../style.ts";
import { cutter, type Plane } from "./volume_montage.ts";

export interface SizeComparisonOptions {
  readonly scan: Scan;
  /** Default: small, medium and large of the paper. */
  readonly sizes?: readonly VolumeSize[];
  readonly name?: string;
}

const drawn = 190, labelHeight = 34;

/**
 * The middle axial slice, a quarter of its width enlarged, and the middle coronal slice, at every size.
 * @throws DataError as `loadScan`
 */
export async function sizeComparison(options: SizeComparisonOptions): Promise<Figure> {
  const { scan, sizes = Object.values(namedSizes), name = "size-comparison" } = options;
  const source = await sourceSize(scan);
  const columns: Panel[][] = [], rows: Figure["rows"][number][] = [];
  for (const [i, size] of [source, ...sizes].entries()) {
    const volume = await loadScan(scan, recipeFor({ size, dtype: i === 0 ? "float32" : "float16" }));
    const voxels = size.depth * size.height * size.width;
    columns.push([
      await tile(volume, "axial", `${i === 0 ? "slices" : nameOf(size)}: ${formatSize(size).replaceAll("x", "×")}`, {
        below: i === 0 ? "as they lie on disk" : `${mebi(2 * voxels)} MiB as float16`,
      }),
      await tile(volume, "axial", "axial, centre enlarged", { zoom: 4 }),
      await tile(volume, "coronal", "coronal", {}),
    ]);
    rows.push({ size: i === 0 ? "source" : nameOf(size), ...size, voxels, mebibytes_float16: 2 * voxels / 2 ** 20 });
  }
  const title = "One scan at several sizes";
  const caption = `${scan.key}: its slices as they are (left), and resampled to each size.`;
  const panels = [0, 1, 2].flatMap((row) => columns.map((column) => column[row]!));
  return { name, title, caption, svg: frame({ title, caption, columns: columns.length, panels }), rows };
}

/** The scan's own size; slices of another size than the first are brought to it. */
async function sourceSize(scan: Scan): Promise<VolumeSize> {
  if (scan.slices.length === 0) throw emptyScan(scan);
  const { width, height } = await readImage(join(scan.folder, scan.slices[0]!));
  return { depth: scan.slices.length, height, width };
}

function nameOf(size: VolumeSize): string {
  const named = Object.entries(namedSizes).find(([, other]) => formatSize(other) === formatSize(size));
  return named?.[0] ?? "size";
}

function mebi(bytes: number): string {
  return String(Number((bytes / 2 ** 20).toPrecision(3)));
}

interface TileOptions {
  /** Second line of text. */
  readonly below?: string;
  /** Show this fraction (1/zoom) of the width and height, from the centre. */
  readonly zoom?: number;
}

async function tile(
  { voxels, shape }: Pick<Volume, "voxels" | "shape">,
  plane: Plane,
  label: string,
  { below, zoom = 1 }: TileOptions,
): Promise<Panel> {
  const cut = cutter(shape, plane), middle = Math.floor((cut.count - 1) / 2);
  const width = Math.max(1, Math.round(cut.columns / zoom)), height = Math.max(1, Math.round(cut.rows / zoom));
  const left = Math.floor((cut.columns - width) / 2), top = Math.floor((cut.rows - height) / 2);
  const grey = Uint8Array.from({ length: width * height }, (_, i) => {
    const voxel = voxels[cut.indexOf(middle, top + Math.floor(i / width), left + i % width)]!;
    return Math.min(255, Math.max(0, Math.round(255 * voxel)));
  });
  // The body is about as deep as half of its width: the coronal slice is drawn that way whatever its voxels.
  const tall = plane === "coronal" ? drawn / 2 : drawn * height / width;
  const png = await sharp(grey, { raw: { width, height, channels: 1 } }).toColourspace("b-w")
    .resize({ width: 2 * drawn, height: Math.round(2 * tall), fit: "fill", kernel: "nearest" }).png().toBuffer();
  const text = (y: number, content: string, weight: number) =>
    svgElement("text", { x: 2, y, "font-size": 10.5, "font-weight": weight, fill: ink }, [content]);
  const content = svgElement("g", {}, [
    svgElement("image", { href: `data:image/png;base64,${png.toString("base64")}`, width: drawn, height: tall }),
    text(tall + 13, label, below === undefined ? 400 : 700),
    ...(below === undefined ? [] : [text(tall + 27, below, 400)]),
  ]);
  return { content, width: drawn, height: tall + (below === undefined ? 18 : labelHeight) };
}
