/**
 * The distribution functions that tests and intervals need. jstat computes them; absolute error against SciPy is below
 * 1e-10 (checked in the tests), so a very small p-value may come out as 0.
 */
import jstat from "jstat";

/** The part of jstat (which has no types) that is used here. */
interface Distributions {
  readonly normal: {
    cdf(x: number, mean: number, sd: number): number;
    inv(p: number, mean: number, sd: number): number;
  };
  readonly binomial: { pdf(k: number, n: number, p: number): number };
}
const { normal, binomial } = jstat as unknown as Distributions;

/** z with P(Z ≤ z) = p for a standard normal Z; 1.96 for p = 0.975. */
export function normalQuantile(p: number): number {
  return normal.inv(p, 0, 1);
}

/** P(|Z| ≥ |z|) for a standard normal Z. */
export function twoSidedNormal(z: number): number {
  return 2 * normal.cdf(-Math.abs(z), 0, 1);
}

/** P(X ≥ x) for χ² with one degree of freedom, which is Z². */
export function chiSquareTail(x: number): number {
  return twoSidedNormal(Math.sqrt(x));
}

/** P(X ≤ k) for X successes in n fair trials. */
export function fairBinomialCdf(k: number, n: number): number {
  if (k >= n) return 1;
  let sum = 0; // jstat's own sum is rounded to ten decimals
  for (let i = 0; i <= k; i++) sum += binomial.pdf(i, n, 0.5);
  return sum;
}

/** P(X = k) for X successes in n fair trials. */
export function fairBinomialPdf(k: number, n: number): number {
  return n === 0 ? Number(k === 0) : binomial.pdf(k, n, 0.5);
}
