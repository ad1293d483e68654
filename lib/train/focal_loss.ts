/** Focal loss: easy items count less (Lin et al. 2017, arXiv:1708.02002; the 2023 program with γ = 2). */
import { crossEntropy, supersetLoss } from "./cross_entropy.ts";
import type { LossAndGradient } from "./presence_loss.ts";

/**
 * (1 − P)^γ · ℓ of an event with probability P, where ℓ = −log P and `gradient` is dℓ/dlogits. As P = e^(−ℓ), the
 * factor is a function of ℓ alone: d/dℓ = (1 − e^(−ℓ))^γ + γ (1 − e^(−ℓ))^(γ−1) e^(−ℓ) ℓ.
 */
export function focal({ loss, gradient }: LossAndGradient<number[]>, gamma: number): LossAndGradient<number[]> {
  const miss = -Math.expm1(-loss);
  if (miss <= 0) return { loss: 0, gradient: gradient.map(() => 0) };
  const factor = miss ** gamma;
  const slope = factor * (1 + gamma * loss * Math.exp(-loss) / miss);
  return { loss: factor * loss, gradient: gradient.map((value) => slope * value) };
}

/** −Σ_c y_c (1 − q_c)^γ log q_c: each class's own factor, so that a one-hot target gives the published loss. */
export function focalCrossEntropy(
  logits: readonly number[],
  target: readonly number[],
  gamma: number,
): LossAndGradient<number[]> {
  let loss = 0;
  const gradient = logits.map(() => 0);
  target.forEach((share, c) => {
    if (share === 0) return;
    const part = focal(crossEntropy(logits, logits.map((_, k) => k === c ? 1 : 0)), gamma);
    loss += share * part.loss;
    part.gradient.forEach((value, k) => gradient[k]! += share * value);
  });
  return { loss, gradient };
}

/** Equation (5) with the focal factor: −(1 − P)^γ log P, P = q₁ + q₂ + q₃ + q₄. */
export function focalSuperset(logits: readonly number[], gamma: number): LossAndGradient<number[]> {
  return focal(supersetLoss(logits), gamma);
}
