/** Options of a configuration that another one of it leaves without effect. */
import type { TrainConfig } from "./config.ts";

/**
 * Sentences for the run's log. They are no errors: a sweep over λ or the reflection, or a faithful reading under either,
 * has such options on purpose.
 */
export function unusedOptions({ loss, reflection, augment }: Pick<TrainConfig, "loss" | "reflection" | "augment">) {
  const severity = [
    ...(loss.severityHead === "five-class" ? [] : [`severity head ${loss.severityHead}`]),
    ...(loss.severityWeights === "counted" ? [] : [`severity weights ${loss.severityWeights}`]),
    ...(loss.focalGamma === 0 ? [] : [`focal γ ${loss.focalGamma}`]),
    ...(loss.earthMover === 0 ? [] : [`earth mover's weight ${loss.earthMover}`]),
    ...(loss.neighbourSmoothing ? ["neighbour smoothing"] : []),
  ];
  return [
    ...(loss.severityFactor === 0 && severity.length > 0
      ? [`λ = 0 trains presence alone: without effect are ${severity.join(", ")}`]
      : []),
    ...(reflection === 0 && augment.reflectValidation
      ? ["validation scans are not reflected either: the chance of a reflection is 0"]
      : []),
  ];
}
