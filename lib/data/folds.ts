/** Counting rules of the original's cross-validation and batches. */

/** Sizes that numpy.array_split gives when `count` items are cut into `folds` parts: the first ones are larger. */
export function foldSizes(count: number, folds: number): number[] {
  if (!Number.isInteger(count) || count < 0 || !Number.isInteger(folds) || folds < 1) {
    throw new RangeError(`foldSizes: count ${count}, folds ${folds}`);
  }
  return Array.from({ length: folds }, (_, fold) => Math.floor(count / folds) + (fold < count % folds ? 1 : 0));
}

export interface SupersetBatches {
  /** Chance that a batch holds nothing but positives without annotation. */
  readonly allSuperset: number;
  /** Chance that it holds at least one, but not only those: there the 2022 code drops their loss (eq. 5). */
  readonly mixed: number;
}

/** Batches drawn without replacement from `scans`, of which `unannotated` are positives without a severity. */
export function supersetBatchChances(
  { scans, unannotated, batchSize }: { scans: number; unannotated: number; batchSize: number },
): SupersetBatches {
  const allFrom = (group: number) => {
    let chance = 1;
    for (let i = 0; i < batchSize; i++) chance *= Math.max(0, group - i) / (scans - i);
    return chance;
  };
  const allSuperset = allFrom(unannotated);
  return { allSuperset, mixed: 1 - allSuperset - allFrom(scans - unannotated) };
}
