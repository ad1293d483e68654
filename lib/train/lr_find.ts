/**
 * The learning-rate range test (Smith 2017, section 3.3) as fastai runs it: the rate rises exponentially from step to
 * step, and four rules read a rate off the smoothed loss.
 */
import type { SchedulePoint } from "./schedule.ts";

export interface SweepRange {
  readonly startLr: number;
  readonly endLr: number;
  readonly iterations: number;
}

/** The defaults of the original program. */
export const defaultSweep: SweepRange = { startLr: 1e-7, endLr: 10, iterations: 100 };

/** One step of the sweep. */
export interface SweepPoint {
  readonly learningRate: number;
  readonly loss: number;
  /** Exponential average with β = 0.98, debiased. */
  readonly smoothLoss: number;
}

/** Rate and momentum of step `step` (from 0): start·(end/start)^(step/iterations), and Adam's own 0.9. */
export function sweepPoint(step: number, { startLr, endLr, iterations }: SweepRange): SchedulePoint {
  return { lr: startLr * (endLr / startLr) ** (step / iterations), momentum: 0.9 };
}

/** fastai gives up when the smoothed loss is more than four times its lowest value so far. */
export const divergenceFactor = 4;

export const suggestionNames = ["valley", "minimum", "slide", "steep"] as const;
export type SuggestionName = typeof suggestionNames[number];

/** Each in the unit of the learning rate; null where the curve is too short for the rule. */
export type Suggestions = Readonly<Record<SuggestionName, number | null>>;

/** What each rule takes, in a sentence. */
export const suggestionMeanings: Readonly<Record<SuggestionName, string>> = {
  valley: "two thirds into the longest descent of the loss; the usual choice",
  minimum: "a tenth of the rate with the lowest loss",
  slide: "where the loss ends its last steep stretch before it diverges",
  steep: "where the loss falls fastest per factor of the rate",
};

/**
 * The four suggestions of a finished sweep. The first tenth of the planned steps (the average still settles there) and
 * the last five (where it may diverge) are left out.
 */
export function suggestLearningRates(points: readonly SweepPoint[], { iterations }: SweepRange): Suggestions {
  const kept = points.slice(Math.floor(iterations / 10), -5);
  const curve: Curve = {
    rates: kept.map(({ learningRate }) => learningRate),
    losses: kept.map(({ smoothLoss }) => smoothLoss),
  };
  return { valley: valley(curve), minimum: minimum(curve), slide: slide(curve), steep: steep(curve) };
}

interface Curve {
  readonly rates: readonly number[];
  readonly losses: readonly number[];
}

/**
 * The longest strictly falling subsequence ends at step e and is l steps long; it is taken to start at e − l. The rate
 * lies one and a half thirds into it, thirds rounded down.
 */
function valley({ rates, losses }: Curve): number | null {
  if (losses.length < 2) return null;
  const lengths: number[] = [];
  losses.forEach((loss) => {
    lengths.push(1 + Math.max(0, ...lengths.map((length, j) => losses[j]! > loss ? length : 0)));
  });
  const length = Math.max(...lengths), end = lengths.indexOf(length);
  if (length === 1) return null;
  const start = end - length, third = length / 3;
  return rates[Math.max(0, start + Math.floor(third) + Math.floor(third / 2))]!;
}

function minimum({ rates, losses }: Curve): number | null {
  return losses.length === 0 ? null : rates[losses.indexOf(Math.min(...losses))]! / 10;
}

/** The most negative difference of the loss per difference of ln(rate). */
function steep({ rates, losses }: Curve): number | null {
  if (losses.length < 2) return null;
  const slopes = rates.slice(1).map((rate, i) => (losses[i + 1]! - losses[i]!) / Math.log(rate / rates[i]!));
  return rates[slopes.indexOf(Math.min(...slopes))]!;
}

/** Steps between the two ends of the window, and how much the gradient must differ between them. */
const slideWindow = 15, slideThreshold = 0.005;

/**
 * A window moves down from the highest rate as long as the loss's gradient (central differences, per step) differs
 * between its two ends by more than the threshold; the rate is that of its lower end where it last did.
 */
function slide({ rates, losses }: Curve): number | null {
  const last = losses.length - 1;
  if (last < slideWindow) return null;
  const gradient = losses.map((_, i) =>
    i === 0 || i === last
      ? losses[Math.max(1, i)]! - losses[Math.max(1, i) - 1]!
      : (losses[i + 1]! - losses[i - 1]!) / 2
  );
  let low = last - slideWindow, rate = rates[low]!;
  while (low >= 0 && Math.abs(gradient[low + slideWindow]! - gradient[low]!) > slideThreshold) rate = rates[low--]!;
  return rate;
}
