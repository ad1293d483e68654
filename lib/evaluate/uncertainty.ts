/**
 * Monte-Carlo dropout (Gal and Ghahramani 2016): the network answers several times with dropout active; the mean is the
 * answer and the spread says how sure it is. Entropies are in nats: at most ln 2 for presence, ln 4 for severity.
 */
import { argMax, type Decoded } from "./decode.ts";
import { mean as meanOf } from "./mean.ts";

/** Spread of one task's answer to one scan. */
export interface Spread {
  /** Standard deviation over samples (with N) of the probability of each class, in the order of the classes. */
  readonly standardDeviation: readonly number[];
  /** Share of the samples whose most probable class is this one. */
  readonly votes: readonly number[];
  /** Entropy of the mean probabilities: all uncertainty. */
  readonly entropy: number;
  /** Entropy of the mean less the mean entropy: what the network does not know, as against what no network could. */
  readonly mutualInformation: number;
}

/** Of one scan; a task that was not trained is null. */
export interface Uncertainty {
  readonly samples: number;
  /** Classes negative, positive; a sample votes positive when p ≥ 0.5. */
  readonly presence: Spread | null;
  /** Classes mild, moderate, severe, critical. */
  readonly severity: Spread | null;
}

/** Mean probabilities of the classes over samples and their spread. `samples[i][c]`, each row adding up to 1. */
export function spreadOf(samples: readonly (readonly number[])[]): { mean: number[]; spread: Spread } {
  if (samples.length === 0) throw new RangeError("spreadOf: no samples");
  const classes = samples[0]!.map((_, c) => samples.map((row) => row[c]!));
  const mean = classes.map(meanOf);
  const votes = samples.map(argMax);
  return {
    mean,
    spread: {
      standardDeviation: classes.map((values, c) => Math.sqrt(meanOf(values.map((p) => (p - mean[c]!) ** 2)))),
      votes: mean.map((_, c) => votes.filter((vote) => vote === c).length / samples.length),
      entropy: entropy(mean),
      mutualInformation: Math.max(0, entropy(mean) - meanOf(samples.map(entropy))), // rounding may leave −1e-17
    },
  };
}

/** The samples' mean as one answer (positive when the mean ≥ 0.5, the most probable grade), with its spread. */
export function combineSamples(samples: readonly Decoded[]): {
  readonly answer: Decoded;
  readonly uncertainty: Uncertainty & { readonly presence: Spread };
} {
  // Positive first, so that argMax counts p = 0.5 as positive.
  const { mean, spread } = spreadOf(samples.map(({ presenceProbability: p }) => [p, 1 - p]));
  const grades = samples.flatMap(({ severityProbabilities: q }) => q === null ? [] : [q]);
  const severity = grades.length < samples.length ? null : spreadOf(grades);
  const presence = {
    ...spread,
    standardDeviation: spread.standardDeviation.toReversed(),
    votes: spread.votes.toReversed(),
  };
  return {
    answer: {
      presenceProbability: mean[0]!,
      presence: mean[0]! >= 0.5,
      severityProbabilities: severity?.mean ?? null,
      severity: severity === null ? mostVoted(samples) : argMax(severity.mean),
    },
    uncertainty: { samples: samples.length, presence, severity: severity?.spread ?? null },
  };
}

/** For a head that answers without probabilities (regression): the grade that most samples answer. */
function mostVoted(samples: readonly Decoded[]): number | null {
  const votes = samples.flatMap(({ severity }) => severity === null ? [] : [severity]);
  if (votes.length === 0) return null;
  return argMax([0, 1, 2, 3].map((grade) => votes.filter((vote) => vote === grade).length));
}

/** −Σ p ln p, with 0 ln 0 = 0. */
function entropy(probabilities: readonly number[]): number {
  return -probabilities.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
}
