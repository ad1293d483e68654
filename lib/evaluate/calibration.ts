/**
 * Whether predicted probabilities are what they say: reliability curve, calibration errors, Brier score. Probabilities
 * are of the positive class (presence), or of the answer that was given (severity, "top label").
 */
import { argMax } from "./decode.ts";
import { mean } from "./mean.ts";

/** "width": bins of equal width; "mass": bins between quantiles, so that each holds about as many scans. */
export type Binning = "width" | "mass";

export interface ReliabilityBin {
  /** Probabilities in (low, high]; the first bin holds its lower edge too. */
  readonly low: number;
  readonly high: number;
  readonly scans: number;
  /** Mean predicted probability; NaN in an empty bin. */
  readonly predicted: number;
  /** Share of positives (or of right answers); NaN in an empty bin. */
  readonly observed: number;
}

export interface BinningOptions {
  /** Default 10. */
  readonly bins?: number;
  /** Default "width". */
  readonly binning?: Binning;
}

/** Observed against predicted, bin by bin, with scikit-learn's edges (`calibration_curve`); empty bins are kept. */
export function reliabilityCurve(
  truth: readonly boolean[],
  probabilities: readonly number[],
  { bins = 10, binning = "width" }: BinningOptions = {},
): ReliabilityBin[] {
  requirePairs(truth, probabilities);
  const { edges, members } = assignBins(probabilities, bins, binning);
  return members.map((scans, bin) => ({
    low: edges[bin]!,
    high: edges[bin + 1]!,
    scans: scans.length,
    predicted: mean(scans.map((scan) => probabilities[scan]!)),
    observed: mean(scans.map((scan) => Number(truth[scan]))),
  }));
}

/** Expected calibration error: mean of |observed − predicted| over scans (Naeini et al. 2015). NaN without scans. */
export function expectedCalibrationError(curve: readonly ReliabilityBin[]): number {
  const scans = curve.reduce((sum, bin) => sum + bin.scans, 0);
  return curve.reduce((sum, bin) => sum + (bin.scans === 0 ? 0 : bin.scans * gap(bin)), 0) / scans;
}

/** Maximum calibration error: the largest gap of a bin with scans. NaN without scans. */
export function maximumCalibrationError(curve: readonly ReliabilityBin[]): number {
  const gaps = curve.filter(({ scans }) => scans > 0).map(gap);
  return gaps.length === 0 ? NaN : Math.max(...gaps);
}

/** Mean squared difference of probability and truth (0/1): 0 is perfect, 0.25 is a constant 0.5. */
export function brierScore(truth: readonly boolean[], probabilities: readonly number[]): number {
  requirePairs(truth, probabilities);
  return mean(probabilities.map((p, i) => (p - Number(truth[i])) ** 2));
}

export interface BrierDecomposition {
  readonly brier: number;
  /** Squared gap of observed and predicted: 0 = calibrated. */
  readonly reliability: number;
  /** How far the bins' observed shares lie from the overall share: more is better. */
  readonly resolution: number;
  /** Of the labels themselves: share·(1 − share). */
  readonly uncertainty: number;
  /** What binning hides: within-bin variance of the probabilities less twice their within-bin covariance with the truth. */
  readonly withinBins: number;
}

/**
 * brier = reliability − resolution + uncertainty + withinBins, exactly: Murphy (1973), with the within-bin terms of
 * Stephenson, Coelho and Jolliffe (2008).
 */
export function brierDecomposition(
  truth: readonly boolean[],
  probabilities: readonly number[],
  options: BinningOptions = {},
): BrierDecomposition {
  const { bins = 10, binning = "width" } = options;
  const { members } = assignBins(probabilities, bins, binning);
  const share = mean(truth.map(Number));
  let reliability = 0, resolution = 0, withinBins = 0;
  for (const scans of members.filter(({ length }) => length > 0)) {
    const predicted = mean(scans.map((scan) => probabilities[scan]!));
    const observed = mean(scans.map((scan) => Number(truth[scan])));
    reliability += scans.length * (observed - predicted) ** 2;
    resolution += scans.length * (observed - share) ** 2;
    for (const scan of scans) {
      const off = probabilities[scan]! - predicted;
      withinBins += off ** 2 - 2 * off * (Number(truth[scan]) - observed);
    }
  }
  const scans = truth.length;
  return {
    brier: brierScore(truth, probabilities),
    reliability: reliability / scans,
    resolution: resolution / scans,
    uncertainty: share * (1 - share),
    withinBins: withinBins / scans,
  };
}

/** Brier score over classes: mean of Σ_c (p_c − y_c)², from 0 to 2. `truth` holds class indices. */
export function multiclassBrier(truth: readonly number[], probabilities: readonly (readonly number[])[]): number {
  requirePairs(truth, probabilities);
  return mean(probabilities.map((row, i) => row.reduce((sum, p, c) => sum + (p - Number(c === truth[i])) ** 2, 0)));
}

/** Of each scan: the probability of the most probable class, and whether that class is right. */
export function topLabel(truth: readonly number[], probabilities: readonly (readonly number[])[]) {
  requirePairs(truth, probabilities);
  const answers = probabilities.map(argMax);
  return {
    right: answers.map((answer, i) => answer === truth[i]),
    confidence: answers.map((answer, i) => probabilities[i]![answer]!),
  };
}

/** Scan indices of every bin, and the bins' edges. */
function assignBins(probabilities: readonly number[], bins: number, binning: Binning) {
  if (!Number.isSafeInteger(bins) || bins < 1) throw new RangeError(`calibration: ${bins} bins`);
  const edges = binning === "mass" && probabilities.length > 0 ? quantileEdges(probabilities, bins) : evenEdges(bins);
  const inner = edges.slice(1, -1);
  const members = range(bins).map((): number[] => []);
  probabilities.forEach((p, scan) => {
    const bin = inner.findIndex((edge) => p <= edge);
    members[bin === -1 ? bins - 1 : bin]!.push(scan);
  });
  return { edges, members };
}

/** NumPy's `linspace(0, 1)` to the last bit: 3·0.1 is not 0.3, and a probability may lie on an edge. */
function evenEdges(bins: number): number[] {
  return [...range(bins).map((i) => i * (1 / bins)), 1];
}

function quantileEdges(values: readonly number[], bins: number): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return range(bins + 1).map((i) => linearQuantile(sorted, i / bins));
}

/** NumPy's default quantile (linear between order statistics). */
function linearQuantile(sorted: readonly number[], p: number): number {
  const place = p * (sorted.length - 1), below = Math.floor(place);
  const low = sorted[below]!, high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}

function gap({ observed, predicted }: ReliabilityBin): number {
  return Math.abs(observed - predicted);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function requirePairs(truth: readonly unknown[], probabilities: readonly unknown[]): void {
  if (truth.length === probabilities.length) return;
  throw new RangeError(`calibration: ${truth.length} labels against ${probabilities.length} probabilities`);
}
