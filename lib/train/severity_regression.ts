/** The 2022 program's regression head: one logit whose probability says how severe (`--severity-regression`). */
import type { LossAndGradient } from "./presence_loss.ts";
import { presenceItem } from "./presence_loss.ts";
import { type Grade, severityProbabilityTarget } from "./targets.ts";

/**
 * "cross-entropy": −[t log p + (1 − t) log(1 − p)] with p = σ(s). "squared-error" (`--mse`): (s − logit t)²; the
 * program compared the graded scans' logits with the targets of the whole batch there, so that it failed or gave NaN in
 * a mixed batch; here each scan is compared with its own.
 */
export const regressionLossNames = ["cross-entropy", "squared-error"] as const;
export type RegressionLossName = typeof regressionLossNames[number];

export function severityRegression(
  logits: readonly number[],
  grade: Grade,
  kind: RegressionLossName,
): LossAndGradient<number[]> {
  const s = logits[0]!, target = severityProbabilityTarget(grade);
  if (kind === "cross-entropy") {
    const { loss, gradient } = presenceItem(s, target, 1);
    return { loss, gradient: [gradient] };
  }
  const difference = s - Math.log(target / (1 - target));
  return { loss: difference ** 2, gradient: [2 * difference] };
}
