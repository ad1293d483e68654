/** Out-of-fold predictions, and files of them. */
import Papa from "papaparse";
import { writeFileAtomic } from "../../../lib/files.ts";

/** Of one scan, by a model that saw neither it nor any other scan of its patient. */
export interface Prediction {
  readonly scan: string;
  /** Of COVID-19. */
  readonly probability: number;
}

/** One framework, one seed, one fold. */
export interface FoldPredictions {
  readonly seed: number;
  readonly fold: number;
  readonly predictions: readonly Prediction[];
  /** Wall time of training, where it was measured. */
  readonly trainSeconds: number;
}

export async function readPredictions(file: string): Promise<Omit<FoldPredictions, "seed" | "fold">> {
  const { data } = Papa.parse<Record<"scan" | "probability" | "trainSeconds", string>>(await Deno.readTextFile(file), {
    header: true,
    skipEmptyLines: true,
  });
  return {
    predictions: data.map(({ scan, probability }) => ({ scan, probability: Number(probability) })),
    trainSeconds: Number(data[0]?.trainSeconds),
  };
}

export async function writePredictions(
  file: string,
  predictions: readonly Prediction[],
  trainSeconds: number,
): Promise<void> {
  const rows = predictions.map(({ scan, probability }) => ({
    scan,
    probability,
    trainSeconds: trainSeconds.toFixed(2),
  }));
  await writeFileAtomic(file, Papa.unparse(rows, { newline: "\n" }) + "\n");
}
