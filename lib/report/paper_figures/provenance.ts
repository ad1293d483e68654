/** From which record each of the paper's figures is drawn. */

const formulas = "formulas of this project: nothing was run or measured";
const table3 = "data/published/table3.csv";

const records: Readonly<Record<string, string>> = {
  "volume-sizes": formulas,
  "resampling": formulas,
  "distortion": formulas,
  "network": formulas,
  "receptive-field": formulas,
  "one-cycle": formulas,
  "losses": formulas,
  "smoothing": formulas,
  "table3-scores": table3,
  "table3-effects": table3,
  "stem-filters": "a file of weights that the caller names",
  "depth-histogram": "figures/demo/depth-histogram.csv",
  "benchmark-ratios": "figures/benchmarks",
  "growth-step": "figures/benchmarks/step_growth.csv",
  "growth-predict": "figures/benchmarks/predict_growth.csv",
  "growth-files": "figures/benchmarks/files.csv",
  "saliency": "figures/saliency",
  "lesion-ratios": "figures/saliency",
};

/**
 * The record of a figure that `paperFigures` draws, as a place in the repository. What is not a figure of its own
 * is of a run or sweep in `data/runs`, whose folder its name begins with.
 */
export function figureRecord(name: string): string {
  const run = /^(.*)-(?:confusion|roc|reliability|training|effect-.*)$/.exec(name)?.[1];
  const record = records[name] ?? (run === undefined ? undefined : `data/runs/${run}`);
  if (record !== undefined) return record;
  throw new RangeError(`figureRecord: no figure of the paper is called "${name}"`);
}
