/** Earth mover's distance between predicted and true severity on the chain of classes, as in the 2023 program. */
import { logSumExp } from "./cross_entropy.ts";
import type { LossAndGradient } from "./presence_loss.ts";
import { isGrade, type SeverityGroup } from "./targets.ts";

/** Places on the chain negative – mild – moderate – severe – critical, neighbours one apart; order of the logits. */
const places = { 4: [1, 2, 3, 4], 5: [1, 2, 3, 4, 0] } as const;

/**
 * Σ_j q_j d_j with q the softmax and d_j the distance that class j's probability has to travel: Σ_c y_c |place_c −
 * place_j|, linear in a smoothed target. A positive without a grade is one away from negative and nothing from any grade.
 * The gradient is q_j (d_j − loss).
 *
 * @param logits five (the last one negative), or the four grades
 * @param target distribution over the logits' classes; not looked at for the group "positive"
 */
export function earthMover(
  logits: readonly number[],
  target: readonly number[],
  group: SeverityGroup,
): LossAndGradient<number[]> {
  const place = places[logits.length as 4 | 5];
  const known = isGrade(group) || group === "negative";
  const distances = logits.map((_, j) =>
    known ? target.reduce((sum, share, c) => sum + share * Math.abs(place[c]! - place[j]!), 0) : j === 4 ? 1 : 0
  );
  const normaliser = logSumExp(logits);
  const q = logits.map((s) => Math.exp(s - normaliser));
  const loss = q.reduce((sum, value, j) => sum + value * distances[j]!, 0);
  return { loss, gradient: q.map((value, j) => value * (distances[j]! - loss)) };
}
