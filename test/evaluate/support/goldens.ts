/** Golden values of scikit-learn, SciPy and statsmodels, made by test/fixtures/evaluate/make.py. NaN is null there. */
interface Goldens {
  readonly delong: readonly {
    readonly truth: readonly number[];
    readonly first: readonly number[];
    readonly second: readonly number[];
    readonly areas: readonly [number, number];
    readonly covariance: readonly (readonly number[])[];
    readonly z: number | null;
    readonly p: number | null;
    readonly interval: readonly [number, number];
  }[];
  readonly calibration: readonly {
    readonly truth: readonly number[];
    readonly probabilities: readonly number[];
    readonly brier: number;
    readonly curves: readonly {
      readonly binning: "width" | "mass";
      readonly bins: number;
      readonly count: readonly number[];
      readonly observed: readonly number[];
      readonly predicted: readonly number[];
      readonly ece: number;
      readonly mce: number;
    }[];
  }[];
  readonly severity: readonly {
    readonly truth: readonly number[];
    readonly probabilities: readonly (readonly number[])[];
    readonly areas: readonly (number | null)[];
    readonly macro_auc: number | null;
    readonly brier: number;
    readonly top_label_ece: number;
  }[];
  readonly thresholds: readonly {
    readonly truth: readonly number[];
    readonly probabilities: readonly number[];
    readonly points: readonly Readonly<Record<ThresholdScore | "threshold", number | null>>[];
    readonly best_youden: number | null;
    readonly best_macro_f1: number;
  }[];
  readonly mcnemar: readonly {
    readonly b: number;
    readonly c: number;
    readonly exact: number;
    readonly mid: number;
    readonly chi: number | null;
    readonly chi_p: number | null;
  }[];
  readonly distributions: {
    readonly two_sided: readonly (readonly [number, number])[];
    readonly quantile: readonly (readonly [number, number])[];
    readonly chi_square: readonly (readonly [number, number])[];
    readonly binomial: readonly (readonly [number, number, number, number])[];
  };
  readonly paired: {
    readonly truth: readonly number[];
    readonly first: readonly number[];
    readonly second: readonly number[];
    readonly accuracy: PairedGolden;
    readonly auc: PairedGolden;
  };
  readonly uncertainty: readonly {
    readonly probabilities: readonly (readonly number[])[];
    readonly mean: readonly number[];
    readonly sd: readonly number[];
    readonly entropy: number;
    readonly mutual_information: number;
    readonly votes: readonly number[];
  }[];
}

export type ThresholdScore = "f1" | "macroF1" | "accuracy" | "precision" | "sensitivity" | "specificity";

interface PairedGolden {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const file = new URL("../../fixtures/evaluate/goldens.json", import.meta.url);
export const goldens = JSON.parse(Deno.readTextFileSync(file)) as Goldens;

/** JSON's null is the NaN that the script meant. */
export function numberOf(value: number | null): number {
  return value ?? NaN;
}

/** 0/1 labels as booleans. */
export function labels(truth: readonly number[]): boolean[] {
  return truth.map((label) => label === 1);
}
