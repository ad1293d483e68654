/** The scans that a run is scored on. */
import type { Dataset, Scan, Split } from "../data/types.ts";
import { DataError } from "../errors.ts";
import { heldOutFold } from "../train/folds.ts";
import { labelledSplits } from "../train/labels.ts";
import { readRunConfig } from "../train/run.ts";

export interface ScoredSplit {
  /** Name for files and records: "validation", "test", "fold-2" … */
  readonly split: Split;
  /** Labelled, at least one. */
  readonly scans: readonly Scan[];
}

/**
 * A labelled split of the dataset. A run that held out fold k of a folds file has its own: "validation" (the default)
 * and "fold-k" are that fold, "train" is the other folds. Folders of the dataset with other names stay what they are.
 * @throws DataError "split.missing", "split.unlabelled", "split.trained" (a fold that the run was trained on), those of
 *   `foldSplits`; RunError "run.folds_changed"
 */
export async function scoredSplit(
  { run, dataset, split = "validation" }: { run: string; dataset: Dataset; split?: Split },
): Promise<ScoredSplit> {
  const isOfRun = split === "validation" || split === "train" || /^fold-\d+$/.test(split);
  const heldOut = isOfRun ? await heldOutFold(await readRunConfig(run)) : undefined;
  if (heldOut === undefined) return { split, scans: labelledScans(dataset, split) };
  const { train, validation, fold } = labelledSplits(dataset, heldOut);
  if (split === "train") return { split, scans: train };
  if (split === "validation" || split === `fold-${fold}`) return { split: `fold-${fold}`, scans: validation };
  throw new DataError("split.trained", `the run was trained on ${split}`, {
    file: run,
    expected: `fold-${fold}, which it held out`,
  });
}

function labelledScans(dataset: Dataset, split: Split): Scan[] {
  const inSplit = dataset.scans.filter((scan) => scan.split === split);
  const splits = [...new Set(dataset.scans.map((scan) => scan.split))].join(", ");
  if (inSplit.length === 0) {
    throw new DataError("split.missing", `there is no split "${split}"`, {
      file: dataset.root,
      found: splits || "no scans",
    });
  }
  const labelled = inSplit.filter(({ presence }) => presence !== undefined);
  if (labelled.length > 0) return labelled;
  throw new DataError("split.unlabelled", `the scans of "${split}" have no labels`, {
    file: dataset.root,
    expected: `folders ${split}/covid and ${split}/non-covid`,
    hint: "Use `cov3d predict` for scans without labels",
  });
}
