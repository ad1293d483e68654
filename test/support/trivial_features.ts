/** What can be told about a scan without looking at shapes: grey levels, number of slices, size of the files. */
import { join } from "node:path";
import sharp from "sharp";
import type { Scan } from "../../lib/data/types.ts";
import { classificationScores } from "../../lib/evaluate/metrics.ts";
import { fitLogisticRegression } from "./logistic_regression.ts";

const bins = 32;
const penalties = [0.1, 1, 10, 100] as const;

export interface TrivialScore {
  readonly trainedOn: number;
  readonly testedOn: number;
  /** Macro F1 with each penalty, and the best of them. */
  readonly byPenalty: readonly { readonly penalty: number; readonly macroF1: number }[];
  readonly best: number;
}

/** Mean, standard deviation, histogram of 32 bins, number of slices, bytes of the JPEG files. */
export async function trivialFeatures({ folder, slices }: Scan): Promise<number[]> {
  const histogram = new Array<number>(bins).fill(0);
  let pixels = 0, sum = 0, squares = 0, bytes = 0;
  for (const slice of slices) {
    const file = await Deno.readFile(join(folder, slice));
    bytes += file.length;
    for (const grey of await sharp(file).raw().toBuffer()) {
      histogram[grey >> 3]!++;
      sum += grey;
      squares += grey * grey;
      pixels++;
    }
  }
  const mean = sum / pixels;
  return [
    mean,
    Math.sqrt(squares / pixels - mean * mean),
    ...histogram.map((count) => count / pixels),
    slices.length,
    bytes,
  ];
}

/** Presence from trivial features: logistic regression on the training scans, scored on all others. */
export async function trivialScore(scans: readonly Scan[]): Promise<TrivialScore> {
  const rows: { readonly isTraining: boolean; readonly presence: boolean; readonly features: number[] }[] = [];
  for (const scan of scans) {
    const features = await trivialFeatures(scan);
    rows.push({ isTraining: scan.split === "train", presence: scan.presence!, features });
  }
  const training = rows.filter(({ isTraining }) => isTraining), others = rows.filter(({ isTraining }) => !isTraining);
  const truth = others.map(({ presence }) => Number(presence));
  const byPenalty = penalties.map((penalty) => {
    const model = fitLogisticRegression(
      training.map(({ features }) => features),
      training.map(({ presence }) => presence),
      penalty,
    );
    const predicted = others.map(({ features }) => Number(model.predict(features)));
    return { penalty, macroF1: classificationScores(truth, predicted).macroF1 };
  });
  const best = Math.max(...byPenalty.map(({ macroF1 }) => macroF1));
  return { trainedOn: training.length, testedOn: others.length, byPenalty, best };
}
