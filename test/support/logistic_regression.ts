/** Two-class logistic regression with an L2 penalty on standardised features: what anything trivial can see. */

export interface LogisticRegression {
  /** True where the linear score is positive. */
  predict(features: readonly number[]): boolean;
}

/** Newton's method on Σ log(1 + exp(−y·(w·x + b))) + ½·penalty·|w|²; features are standardised with the training set. */
export function fitLogisticRegression(
  samples: readonly (readonly number[])[],
  labels: readonly boolean[],
  penalty = 1,
): LogisticRegression {
  const standardise = standardiser(samples);
  const rows = samples.map((sample) => [...standardise(sample), 1]);
  const size = rows[0]!.length;
  let weights = new Array<number>(size).fill(0);
  for (let iteration = 0; iteration < 25; iteration++) {
    const gradient = weights.map((w, j) => j < size - 1 ? penalty * w : 0);
    const hessian = weights.map((_, j) => weights.map((_, k) => j === k ? (j < size - 1 ? penalty : 1e-9) : 0));
    rows.forEach((row, i) => {
      const p = 1 / (1 + Math.exp(-dot(row, weights)));
      row.forEach((value, j) => {
        gradient[j]! += (p - Number(labels[i])) * value;
        row.forEach((other, k) => hessian[j]![k]! += p * (1 - p) * value * other);
      });
    });
    const step = solve(hessian, gradient);
    weights = weights.map((w, j) => w - step[j]!);
    if (Math.max(...step.map(Math.abs)) < 1e-8) break;
  }
  return { predict: (features) => dot([...standardise(features), 1], weights) > 0 };
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function standardiser(samples: readonly (readonly number[])[]) {
  const moments = samples[0]!.map((_, j) => {
    const mean = samples.reduce((sum, sample) => sum + sample[j]!, 0) / samples.length;
    const variance = samples.reduce((sum, sample) => sum + (sample[j]! - mean) ** 2, 0) / samples.length;
    return { mean, deviation: Math.sqrt(variance) || 1 };
  });
  return (sample: readonly number[]) => sample.map((value, j) => (value - moments[j]!.mean) / moments[j]!.deviation);
}

/** Gaussian elimination with partial pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let i = column + 1; i < n; i++) {
      const factor = rows[i]![column]! / rows[column]![column]!;
      for (let k = column; k <= n; k++) rows[i]![k]! -= factor * rows[column]![k]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const known = rows[i]!.slice(i + 1, n).reduce((sum, value, k) => sum + value * solution[i + 1 + k]!, 0);
    solution[i] = (rows[i]![n]! - known) / rows[i]![i]!;
  }
  return solution;
}
