/**
 * Classification scores as the paper and scikit-learn count them. Classes are small integers: 0/1 for presence,
 * 0…3 for mild…critical.
 */

/** Scores of one set of predictions. Arrays run over `labels`. */
export interface ClassificationScores {
  /** Sorted union of the labels that occur in the truth or in the predictions: the classes that are averaged over. */
  readonly labels: readonly number[];
  readonly perClassF1: readonly number[];
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  /** Number of true members of each class. */
  readonly support: readonly number[];
  /** Unweighted mean of `perClassF1`; NaN when nothing was scored. */
  readonly macroF1: number;
  /** Share of correct predictions; NaN when nothing was scored. */
  readonly accuracy: number;
}

/**
 * Macro F1 by scikit-learn's rule (`f1_score(average="macro", zero_division=0)`): a label absent from truth *and*
 * predictions does not count, a label present in only one of them counts with F1 = 0.
 * @throws RangeError when the two lists differ in length.
 */
export function classificationScores(truth: readonly number[], predicted: readonly number[]): ClassificationScores {
  requireSameLength(truth, predicted);
  const labels = [...new Set([...truth, ...predicted])].sort((a, b) => a - b);
  const counts = labels.map((label) => countClass(truth, predicted, label));
  const perClassF1 = counts.map(({ hits, actual, claimed }) => ratio(2 * hits, actual + claimed));
  return {
    labels,
    perClassF1,
    precision: counts.map(({ hits, claimed }) => ratio(hits, claimed)),
    recall: counts.map(({ hits, actual }) => ratio(hits, actual)),
    support: counts.map(({ actual }) => actual),
    macroF1: perClassF1.reduce((sum, f1) => sum + f1, 0) / labels.length,
    accuracy: truth.filter((label, i) => label === predicted[i]).length / truth.length,
  };
}

/** Rows are the truth, columns the predictions: `matrix[t][p]` = number of scans of class t called p. */
export function confusionMatrix(
  truth: readonly number[],
  predicted: readonly number[],
  classes: number,
): number[][] {
  requireSameLength(truth, predicted);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  truth.forEach((label, i) => {
    const row = matrix[label], column = predicted[i]!;
    if (row?.[column] === undefined) {
      throw new RangeError(`confusionMatrix: class ${label} or ${column} is not in 0…${classes - 1}`);
    }
    row[column]! += 1;
  });
  return matrix;
}

interface ClassCounts {
  readonly hits: number;
  readonly actual: number;
  readonly claimed: number;
}

function countClass(truth: readonly number[], predicted: readonly number[], label: number): ClassCounts {
  let hits = 0, actual = 0, claimed = 0;
  for (let i = 0; i < truth.length; i++) {
    const isActual = truth[i] === label, isClaimed = predicted[i] === label;
    if (isActual) actual++;
    if (isClaimed) claimed++;
    if (isActual && isClaimed) hits++;
  }
  return { hits, actual, claimed };
}

/** 0/0 counts as 0, as scikit-learn's `zero_division=0`. */
function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}

function requireSameLength(truth: readonly number[], predicted: readonly number[]): void {
  if (truth.length !== predicted.length) {
    throw new RangeError(`${truth.length} true labels against ${predicted.length} predictions`);
  }
}
