/** L2-regularised logistic regression on standardised features, for baselines. */

export interface LogisticModel {
  /** Probability of the positive class for one row of features. */
  predict(row: readonly number[]): number;
}

/**
 * Minimises Σ w_i·log-loss_i + ½‖β‖² (intercept free) by Newton's method; classes are weighted to count the same
 * (scikit-learn's `LogisticRegression(class_weight="balanced")` with C = 1 on `StandardScaler` features).
 */
export function fitLogistic(rows: readonly (readonly number[])[], labels: readonly boolean[]): LogisticModel {
  const columns = rows[0]!.length;
  const means = mapColumns(columns, (j) => average(rows.map((row) => row[j]!)));
  const deviations = mapColumns(columns, (j) => Math.sqrt(average(rows.map((row) => (row[j]! - means[j]!) ** 2))) || 1);
  const standardise = (row: readonly number[]) => [1, ...row.map((value, j) => (value - means[j]!) / deviations[j]!)];
  const design = rows.map(standardise);
  const positives = labels.filter(Boolean).length;
  const weights = labels.map((label) => rows.length / 2 / (label ? positives : rows.length - positives));
  let beta: number[] = new Array(columns + 1).fill(0);
  for (let iteration = 0; iteration < 100; iteration++) {
    const change = newtonStep(design, labels, weights, beta);
    beta = beta.map((value, j) => value - change[j]!);
    if (Math.max(...change.map(Math.abs)) < 1e-10) break;
  }
  return { predict: (row) => sigmoid(dot(standardise(row), beta)) };
}

function newtonStep(
  design: readonly (readonly number[])[],
  labels: readonly boolean[],
  weights: readonly number[],
  beta: readonly number[],
): number[] {
  const size = beta.length;
  const gradient = beta.map((value, j) => (j === 0 ? 0 : value));
  const hessian = beta.map((_, j) => beta.map((_, k) => (j === k && j > 0 ? 1 : 0)));
  design.forEach((row, i) => {
    const probability = sigmoid(dot(row, beta));
    const residual = weights[i]! * (probability - Number(labels[i]));
    const curvature = weights[i]! * probability * (1 - probability);
    for (let j = 0; j < size; j++) {
      gradient[j]! += residual * row[j]!;
      for (let k = 0; k < size; k++) hessian[j]![k]! += curvature * row[j]! * row[k]!;
    }
  });
  return solve(hessian, gradient);
}

/** Gaussian elimination with partial pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const size = rows.length;
  for (let pivot = 0; pivot < size; pivot++) {
    const best = rows.slice(pivot).reduce(
      (at, row, i) => Math.abs(row[pivot]!) > Math.abs(rows[at]![pivot]!) ? pivot + i : at,
      pivot,
    );
    [rows[pivot], rows[best]] = [rows[best]!, rows[pivot]!];
    for (let i = pivot + 1; i < size; i++) {
      const factor = rows[i]![pivot]! / rows[pivot]![pivot]!;
      for (let j = pivot; j <= size; j++) rows[i]![j]! -= factor * rows[pivot]![j]!;
    }
  }
  const x: number[] = new Array(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    const known = rows[i]!.slice(i + 1, size).reduce((sum, value, j) => sum + value * x[i + 1 + j]!, 0);
    x[i] = (rows[i]![size]! - known) / rows[i]![i]!;
  }
  return x;
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, j) => sum + value * b[j]!, 0);
const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const mapColumns = (count: number, value: (j: number) => number) => Array.from({ length: count }, (_, j) => value(j));
