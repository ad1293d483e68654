/**
 * What chance alone does to a macro F1: the scores that one and the same classifier would get on other scans like
 * these, and how high the best of several equally good ones would come out.
 */
import { quantileSorted } from "simple-statistics";
import { randomStream } from "../random.ts";
import { mean as meanOf } from "./mean.ts";
import { classificationScores } from "./metrics.ts";

export interface ChanceF1Options {
  /** Scans of each true class. */
  readonly support: readonly number[];
  /** Probability that a scan's answer is right, the same for all; a wrong answer is any other class, all alike. */
  readonly accuracy: number;
  /** Default 2000. */
  readonly draws?: number;
  /** Default 0; the same seed gives the same scores. */
  readonly seed?: number;
}

export interface ChanceF1 {
  /** Macro F1 of each draw, ascending. */
  readonly scores: readonly number[];
  readonly mean: number;
  /** Over the draws (with N). */
  readonly standardDeviation: number;
  /** The middle 95 % of the scores. */
  readonly low: number;
  readonly high: number;
}

/**
 * Macro F1 when every answer is an independent coin.
 * @throws RangeError when `accuracy` is no probability, or there are fewer than two classes
 */
export function chanceF1(options: ChanceF1Options): ChanceF1 {
  return describe(drawScores(options, "chance-f1"));
}

/**
 * The highest macro F1 of `models` equally good classifiers, each with errors of its own. Models that are scored on the
 * same scans find the same ones hard, so that their scores lie closer together than here: this is an upper bound.
 */
export function bestChanceF1({ models, ...options }: ChanceF1Options & { readonly models: number }): ChanceF1 {
  const { draws = 2000 } = options;
  const scores = drawScores({ ...options, draws: draws * models }, "best-chance-f1");
  return describe(Array.from({ length: draws }, (_, i) => Math.max(...scores.slice(i * models, (i + 1) * models))));
}

function drawScores({ support, accuracy, draws = 2000, seed = 0 }: ChanceF1Options, label: string): number[] {
  if (!(accuracy >= 0 && accuracy <= 1)) throw new RangeError(`chanceF1: ${accuracy} is not a probability`);
  if (support.length < 2) throw new RangeError("chanceF1: at least two classes");
  const random = randomStream(seed, label);
  const truth = support.flatMap((scans, label) => new Array<number>(scans).fill(label));
  const answer = (label: number) => {
    if (random.uniform() < accuracy) return label;
    const other = random.integer(0, support.length - 2);
    return other < label ? other : other + 1;
  };
  return Array.from({ length: draws }, () => classificationScores(truth, truth.map(answer)).macroF1);
}

function describe(scores: readonly number[]): ChanceF1 {
  const sorted = scores.toSorted((a, b) => a - b);
  const mean = meanOf(sorted);
  const variance = meanOf(sorted.map((score) => (score - mean) ** 2));
  return {
    scores: sorted,
    mean,
    standardDeviation: Math.sqrt(variance),
    low: quantileSorted(sorted, 0.025),
    high: quantileSorted(sorted, 0.975),
  };
}
