/** From a run's configuration to the loss that it trains with. */
import { classWeights } from "./class_weights.ts";
import type { TrainConfig } from "./config.ts";
import type { Cov3dLossConfig } from "./losses.ts";
import type { Label } from "./targets.ts";

/**
 * The loss of a run. Class weights are counted on the training labels, each scan once: weights of single scans
 * (`data.itemWeights`) do not enter the counts.
 * @throws ConfigError when a class of presence is missing
 */
export function lossConfigOf(loss: TrainConfig["loss"], labels: Iterable<Label>): Cov3dLossConfig {
  const { severityHead: head, severityWeights: _rule, ...same } = loss;
  return { ...same, head, weights: classWeights(labels, loss.severityFactor, loss) };
}
