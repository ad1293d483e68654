/** The wrong answers as pictures: what there is to learn from. */
import type { Scan } from "../data/types.ts";
import type { Prediction } from "../evaluate/prediction.ts";
import type { Figure } from "./figure.ts";
import { montage } from "./figures/montage.ts";
import { slicePicture } from "./slice_picture.ts";

export interface FailureGalleryOptions {
  /** The scans of `predictions`, in the same order: `truth` of an evaluation. */
  readonly scans: readonly Scan[];
  readonly predictions: readonly Prediction[];
  /** Dataset root, for lesion masks beside the scans. */
  readonly root?: string;
  /** Default 8. */
  readonly count?: number;
  readonly columns?: number;
}

/** A montage of wrong answers, the surest ones first; where there are too few, the least sure right ones follow. */
export async function failureGallery(options: FailureGalleryOptions): Promise<Figure> {
  const { scans, predictions, root, count = 8, columns = 4 } = options;
  const { chosen, wrong } = chooseFailures(scans, predictions, count);
  const items = await Promise.all(chosen.map(async (i) => ({
    scan: scans[i]!,
    prediction: predictions[i]!,
    picture: await slicePicture({ scan: scans[i]!, ...(root === undefined ? {} : { root }) }),
  })));
  const shown = Math.min(wrong, chosen.length);
  const rest = chosen.length === shown ? "" : `; then right answers, the least sure first (${chosen.length - shown})`;
  const note = `Scans with a wrong answer to presence or severity, the surest first (${shown} of ${wrong})${rest}.`;
  return { ...montage({ items, columns, note }), name: "failures", title: "Wrong answers" };
}

/**
 * Indices of the scans to show, and how many answers are wrong in all. Wrong presence comes before a wrong grade of a
 * scan that is positive; scans with unreadable slices or without a label are left out.
 */
export function chooseFailures(
  scans: readonly Scan[],
  predictions: readonly Prediction[],
  count: number,
): { readonly chosen: number[]; readonly wrong: number } {
  const ranked = scans.flatMap((scan, i) => {
    const prediction = predictions[i]!;
    return prediction.skippedSlices.length > 0 || scan.presence === undefined ? [] : [{ i, ...rank(scan, prediction) }];
  }).sort((a, b) => a.kind - b.kind || b.sureness - a.sureness || a.i - b.i);
  return { chosen: ranked.slice(0, count).map(({ i }) => i), wrong: ranked.filter(({ kind }) => kind < right).length };
}

const wrongPresence = 0, wrongGrade = 1, right = 2;

function rank({ presence, severity }: Scan, prediction: Prediction): { kind: number; sureness: number } {
  const { presenceProbability: p, severityProbabilities: grades } = prediction;
  const presenceSureness = p === null ? 0 : Math.abs(p - 0.5);
  if (prediction.presence !== null && prediction.presence !== presence) {
    return { kind: wrongPresence, sureness: presenceSureness };
  }
  if (severity !== "undefined" && prediction.severity !== null && prediction.severity !== severity) {
    return { kind: wrongGrade, sureness: grades === null ? 0 : Math.max(...grades) };
  }
  return { kind: right, sureness: -presenceSureness };
}
