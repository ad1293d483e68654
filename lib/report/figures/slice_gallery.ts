/** One slice of each of several scans with its label, by class and grade. */
import { type ScanKind, scanKind } from "../../data/choose_scans.ts";
import type { Scan } from "../../data/types.ts";
import { svgElement } from "../dom.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";
import { slicePicture } from "../slice_picture.ts";
import { colours, ink, okabeIto } from "../style.ts";
import type { SlicePicture } from "./montage.ts";

export interface SliceGalleryOptions {
  readonly scans: readonly Scan[];
  /** Root of the dataset: where lesion masks lie beside the scans, the slice with the most lesion is shown, outlined. */
  readonly root?: string;
  readonly columns?: number;
  readonly name?: string;
}

const side = 180, labelHeight = 34;

const kindText: Readonly<Record<ScanKind, string>> = {
  negative: "non-COVID-19",
  mild: "COVID-19, mild",
  moderate: "COVID-19, moderate",
  severe: "COVID-19, severe",
  critical: "COVID-19, critical",
  ungraded: "COVID-19, no grade",
  unlabelled: "unlabelled",
};

/** @throws DataError "slice-unreadable" */
export async function sliceGallery(options: SliceGalleryOptions): Promise<Figure> {
  const { scans, root, columns = 5, name = "slice-gallery" } = options;
  const pictures = await Promise.all(
    scans.map((scan) => slicePicture({ scan, ...(root === undefined ? {} : { root }), side: 2 * side })),
  );
  const outlined = pictures.some(({ outline }) => outline !== undefined);
  const title = "Slices by class and grade";
  const caption = outlined
    ? "One slice of each scan, of an outlined one the slice with the most lesion, else the middle one. The orange " +
      "line surrounds the lesions that were drawn."
    : "The middle slice of each scan.";
  const panels = scans.map((scan, i) => tile(scan, pictures[i]!));
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, columns: Math.min(columns, panels.length), panels }),
    rows: scans.map((scan, i) => ({
      scan: scan.key,
      kind: scanKind(scan),
      slice: pictures[i]!.slice,
      slices: scan.slices.length,
      width: pictures[i]!.width,
      height: pictures[i]!.height,
    })),
  };
}

function tile(scan: Scan, { image, width, height, slice, outline }: SlicePicture): Panel {
  const scale = Math.min(side / width, side / height);
  const shift = `translate(${(side - width * scale) / 2},${(side - height * scale) / 2})`;
  const line = outline === undefined ? [] : [svgElement("path", {
    d: outline,
    transform: `scale(${scale})`,
    fill: "none",
    stroke: okabeIto.orange,
    "stroke-width": 1.1 / scale,
  })];
  const text = (y: number, size: number, fill: string, content: string, weight = 400) =>
    svgElement("text", { x: 2, y, "font-size": size, "font-weight": weight, fill }, [content]);
  const colour = scan.presence === undefined ? ink : scan.presence ? colours.positive : colours.negative;
  const content = svgElement("g", {}, [
    svgElement("rect", { width: side, height: side, fill: "#000000" }),
    svgElement("g", { transform: shift }, [
      svgElement("image", { href: image, width: width * scale, height: height * scale }),
      ...line,
    ]),
    text(side + 14, 11.5, colour, kindText[scanKind(scan)], 700),
    text(side + 29, 10, ink, `${scan.id}: slice ${slice + 1} of ${scan.slices.length}`),
  ]);
  return { content, width: side, height: side + labelHeight };
}
