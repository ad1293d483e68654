/** Which scans a montage shows: some of every kind, wrong answers first, the same ones for the same predictions. */
import type { Prediction } from "../evaluate/prediction.ts";
import type { Scan } from "../data/types.ts";
import type { Figure } from "./figure.ts";
import { montage } from "./figures/montage.ts";
import { slicePicture } from "./slice_picture.ts";

export interface GalleryOptions {
  /** In the same order as `predictions`. */
  readonly scans: readonly Scan[];
  readonly predictions: readonly Prediction[];
  /** Dataset root, for lesion masks beside the scans. */
  readonly root?: string;
  /** Default 8. */
  readonly count?: number;
  readonly columns?: number;
}

/** A montage of slices with predictions. */
export async function gallery({ scans, predictions, root, count = 8, columns = 4 }: GalleryOptions): Promise<Figure> {
  const chosen = chooseForGallery(scans, predictions, count);
  const items = await Promise.all(chosen.map(async (i) => ({
    scan: scans[i]!,
    prediction: predictions[i]!,
    picture: await slicePicture({ scan: scans[i]!, ...(root === undefined ? {} : { root }) }),
  })));
  return montage({ items, columns, note: "Every class takes its turn, and its wrong answers come first." });
}

/**
 * Indices: the kinds (true class and grade) take turns; within a kind wrong answers come first. Scans with unreadable
 * slices are left out.
 */
export function chooseForGallery(
  scans: readonly Scan[],
  predictions: readonly Prediction[],
  count: number,
): number[] {
  const kinds = new Map<string, number[]>();
  scans.forEach((scan, i) => {
    if (predictions[i]!.skippedSlices.length > 0) return;
    const kind = `${scan.presence}/${scan.severity}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), i]);
  });
  const wrong = (i: number) => Number(predictions[i]!.presence !== (scans[i]!.presence ?? null));
  const queues = [...kinds].sort(([a], [b]) => kindOrder(a) - kindOrder(b))
    .map(([, members]) => members.sort((a, b) => wrong(b) - wrong(a) || a - b));
  const chosen: number[] = [];
  const available = queues.reduce((sum, queue) => sum + queue.length, 0);
  for (let round = 0; chosen.length < Math.min(count, available); round++) {
    for (const queue of queues) {
      const next = queue[round];
      if (next !== undefined && chosen.length < count) chosen.push(next);
    }
  }
  return chosen;
}

const order = ["false/undefined", "true/mild", "true/moderate", "true/severe", "true/critical", "true/undefined"];

function kindOrder(kind: string): number {
  const place = order.indexOf(kind);
  return place < 0 ? order.length : place;
}
