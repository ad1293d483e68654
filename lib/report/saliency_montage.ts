/** All maps of a saliency result as one figure. */
import type { SaliencyResult } from "../evaluate/saliency/saliency.ts";
import type { Figure } from "./figure.ts";
import { saliencyFigure } from "./figures/saliency.ts";
import { saliencyItem, whatIsShown } from "./saliency_report.ts";

export interface SaliencyMontageOptions {
  readonly result: SaliencyResult;
  /** Dataset root, for the outlines of lesion masks beside the scans. */
  readonly root?: string;
  /** Slices of each scan; default 5. */
  readonly slices?: number;
  readonly name?: string;
}

/** For every scan its slices with the most heat, without and with the map. */
export async function saliencyMontage({ result, root, slices, name }: SaliencyMontageOptions): Promise<Figure> {
  const items = await Promise.all(result.scans.map((item) => saliencyItem({ item, result, root, slices })));
  return saliencyFigure({ items, what: whatIsShown(result), ...(name === undefined ? {} : { name }) });
}
