/** McNemar's test: do two models err on different scans, one more often than the other? (McNemar 1947) */
import { chiSquareTail, fairBinomialCdf, fairBinomialPdf } from "./distributions.ts";

export interface McNemar {
  /** Scans that only the first model has right, and scans that only the second has right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided exact p-value: under the null the discordant scans are fair coins. 1 without discordant scans. */
  readonly exactP: number;
  /** Exact p less half the probability of what was seen: less conservative (Fagerland, Lydersen and Laake 2013). */
  readonly midP: number;
  /** χ² with continuity correction, (|b − c| − 1)²/(b + c), one degree of freedom; NaN without discordant scans. */
  readonly chiSquare: number;
  readonly chiSquareP: number;
}

/** From the correctness of two models on the same scans, in the same order. @throws RangeError on unequal lengths */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  if (first.length !== second.length) throw new RangeError(`mcnemar: ${first.length} against ${second.length} scans`);
  return mcnemarOfCounts(
    first.filter((right, i) => right && !second[i]).length,
    second.filter((right, i) => right && !first[i]).length,
  );
}

/** From the two discordant counts. */
export function mcnemarOfCounts(onlyFirst: number, onlySecond: number): McNemar {
  const discordant = onlyFirst + onlySecond, fewer = Math.min(onlyFirst, onlySecond);
  const exactP = Math.min(1, 2 * fairBinomialCdf(fewer, discordant));
  // With equal counts both tails hold the middle term, so that halving it gives this.
  const middle = fairBinomialPdf(fewer, discordant);
  const midP = onlyFirst === onlySecond ? 1 - middle / 2 : exactP - middle;
  const chiSquare = discordant === 0 ? NaN : (Math.abs(onlyFirst - onlySecond) - 1) ** 2 / discordant;
  return {
    onlyFirst,
    onlySecond,
    exactP,
    midP: discordant === 0 ? 1 : midP,
    chiSquare,
    chiSquareP: discordant === 0 ? NaN : chiSquareTail(chiSquare),
  };
}
