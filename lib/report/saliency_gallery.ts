/** Saliency maps as one figure: for notebooks; `writeSaliency` makes the files. */
import type { SaliencyResult } from "../evaluate/saliency/saliency.ts";
import type { Figure } from "./figure.ts";
import { saliencyFigure } from "./figures/saliency.ts";
import { saliencyItem, whatIsShown } from "./saliency_report.ts";

export interface SaliencyGalleryOptions {
  readonly result: SaliencyResult;
  /** Dataset root, for the outlines of lesion masks beside the scans. */
  readonly root?: string;
  /** Slices of each scan (default 5): those with the most heat. */
  readonly slices?: number;
}

/** Some slices of every explained scan, and the same slices under the map. @throws DataError (a slice cannot be read) */
export async function saliencyGallery({ result, root, slices }: SaliencyGalleryOptions): Promise<Figure> {
  const items = await Promise.all(result.scans.map((item) => saliencyItem({ item, result, root, slices })));
  return saliencyFigure({ items, what: whatIsShown(result) });
}
