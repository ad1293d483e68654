/** The labels that a run trains on, and what identifies its data. */
import type { Dataset, Scan } from "../data/types.ts";
import { DataError } from "../errors.ts";
import { sha256 } from "../files.ts";
import { randomStream } from "../random.ts";
import type { Label } from "./targets.ts";

export interface LabelledSplits {
  readonly train: readonly Scan[];
  readonly validation: readonly Scan[];
}

/**
 * The labelled scans of the two splits in the order of their keys, whatever order the file system lists them in.
 * @throws DataError when a split is missing or has only one class
 */
export function labelledSplits(dataset: Dataset): LabelledSplits {
  const of = (split: string) => {
    const scans = dataset.scans.filter((scan) => scan.split === split && scan.presence !== undefined);
    return scans.sort((a, b) => (a.key < b.key ? -1 : 1));
  };
  const splits = { train: of("train"), validation: of("validation") };
  for (const [split, scans] of Object.entries(splits)) {
    const positive = scans.filter((scan) => scan.presence).length;
    if (positive > 0 && positive < scans.length) continue;
    throw new DataError("data.split", `split "${split}" cannot be used for training`, {
      file: dataset.root,
      expected: `${split}/covid and ${split}/non-covid with scans in both`,
      found: `${positive} positive and ${scans.length - positive} negative scans`,
    });
  }
  return splits;
}

/** The scans' own labels; or, for the control experiment, the same labels dealt to the scans at random. */
export function trainingLabels(scans: readonly Scan[], { seed, shuffle }: { seed: number; shuffle: boolean }): Label[] {
  const labels = scans.map(({ presence, severity }): Label => ({ presence: presence!, severity }));
  return shuffle ? randomStream(seed, "labels").shuffle(labels) : labels;
}

/** Changes when a scan is added, removed, relabelled or has another number of slices. */
export function dataFingerprint({ train, validation }: LabelledSplits): Promise<string> {
  const lines = [...train, ...validation].map(({ key, presence, severity, slices }) =>
    [key, presence, severity, slices.length].join(";")
  );
  return sha256(lines.join("\n"));
}
