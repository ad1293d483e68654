/** The labels that a run trains on, and what identifies its data. */
import { type FoldFile, foldSplits } from "../data/folds_file.ts";
import type { Dataset, Scan } from "../data/types.ts";
import { DataError } from "../errors.ts";
import { sha256 } from "../files.ts";
import { randomStream } from "../random.ts";
import type { Label } from "./targets.ts";

export interface LabelledSplits {
  readonly train: readonly Scan[];
  readonly validation: readonly Scan[];
  /** The fold that `validation` is, where a folds file says who is who instead of the folders. */
  readonly fold?: number;
  /** Labelled scans that the folds file does not list: neither trained on nor scored. */
  readonly leftOut?: readonly Scan[];
}

/** One fold of a folds file, held out. */
export interface HeldOutFold {
  readonly folds: FoldFile;
  readonly fold: number;
}

/**
 * The labelled scans of the two splits in the order of their keys, whatever order the file system lists them in. With
 * `heldOut`, the scans of that fold are for validation and those of all other folds for training.
 * @throws DataError "data.split" when a split is missing or has only one class; those of `foldSplits`
 */
export function labelledSplits(dataset: Dataset, heldOut?: HeldOutFold): LabelledSplits {
  if (heldOut !== undefined) return foldedSplits(dataset, heldOut);
  const of = (split: string) => {
    const scans = dataset.scans.filter((scan) => scan.split === split && scan.presence !== undefined);
    return scans.sort((a, b) => (a.key < b.key ? -1 : 1));
  };
  const splits = { train: of("train"), validation: of("validation") };
  for (const [split, scans] of Object.entries(splits)) {
    requireBothClasses(scans, {
      what: `split "${split}"`,
      file: dataset.root,
      expected: `${split}/covid and ${split}/non-covid with scans in both`,
    });
  }
  return splits;
}

function foldedSplits(dataset: Dataset, { folds, fold }: HeldOutFold): LabelledSplits {
  const { train, validation, leftOut } = foldSplits(dataset, folds, fold);
  const { file } = folds, expected = "positive and negative scans";
  requireBothClasses(validation, { what: `fold ${fold}`, file, expected });
  requireBothClasses(train, { what: `what is left without fold ${fold}`, file, expected });
  return { train, validation, fold, leftOut };
}

function requireBothClasses(
  scans: readonly Scan[],
  { what, ...details }: { what: string; file: string; expected: string },
): void {
  const positive = scans.filter((scan) => scan.presence).length;
  if (positive > 0 && positive < scans.length) return;
  throw new DataError("data.split", `${what} cannot be used for training`, {
    ...details,
    found: `${positive} positive and ${scans.length - positive} negative scans`,
  });
}

/** The scans' own labels; or, for the control experiment, the same labels dealt to the scans at random. */
export function trainingLabels(scans: readonly Scan[], { seed, shuffle }: { seed: number; shuffle: boolean }): Label[] {
  const labels = scans.map(({ presence, severity }): Label => ({ presence: presence!, severity }));
  return shuffle ? randomStream(seed, "labels").shuffle(labels) : labels;
}

/**
 * Changes when a scan is added, removed, relabelled, moved to another fold or has another number of slices, and when a
 * training scan has another weight.
 */
export function dataFingerprint(
  { train, validation, fold }: LabelledSplits,
  itemWeights?: readonly number[],
): Promise<string> {
  const line = ({ key, presence, severity, slices }: Scan) => [key, presence, severity, slices.length].join(";");
  // Keys begin with the name of the split, so that only folds need to be told apart.
  const between = fold === undefined ? [] : [`fold ${fold}`];
  const weights = itemWeights === undefined ? [] : [`weights ${itemWeights.join(" ")}`];
  return sha256([...train.map(line), ...between, ...validation.map(line), ...weights].join("\n"));
}
