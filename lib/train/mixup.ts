/** The loss of a batch whose scans were blended with each other. */
import type { Mix } from "../data/mixup.ts";
import { type Cov3dLoss, cov3dLoss, type Cov3dLossOptions } from "./losses.ts";

/**
 * share·ℓ(logits, own label) + (1 − share)·ℓ(logits, partner's label) for every blended scan (Zhang et al. 2018,
 * section 2), in both tasks. Each label brings its class weight and item weight, and in a weighted mean Σ wℓ / Σ w its
 * share counts in the divisor too, so that a batch weighs what it would weigh unblended. Without blending, `cov3dLoss`.
 *
 * @param options `itemWeights` are those of the scans in the batch, before blending
 */
export function mixedLoss(options: Cov3dLossOptions, mixes: readonly (Mix | undefined)[]): Cov3dLoss {
  const blended = mixes.flatMap((mix, item) => mix === undefined ? [] : [{ item, ...mix }]);
  if (blended.length === 0) return cov3dLoss(options);
  const { logits, labels, itemWeights } = options;
  const doubled = cov3dLoss({
    ...options,
    logits: [...logits, ...blended.map(({ item }) => logits[item]!)],
    labels: [...labels, ...blended.map(({ partner }) => labels[partner]!)],
    shares: [...labels.map((_, item) => mixes[item]?.share ?? 1), ...blended.map(({ share }) => 1 - share)],
    ...(itemWeights === undefined
      ? {}
      : { itemWeights: [...itemWeights, ...blended.map(({ partner }) => itemWeights[partner]!)] }),
  });
  const dLogits = doubled.dLogits.slice(0, logits.length);
  blended.forEach(({ item }, i) => {
    dLogits[item] = dLogits[item]!.map((value, c) => value + doubled.dLogits[logits.length + i]![c]!);
  });
  return { ...doubled, dLogits };
}
