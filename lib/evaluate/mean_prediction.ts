/** The mean of several models' probabilities, as the paper's ensemble of four has it. */
import { severities } from "../data/types.ts";
import { argMax } from "./decode.ts";
import { mean } from "./mean.ts";
import type { Prediction } from "./prediction.ts";

/**
 * One answer to one scan from the answers of several models: the arithmetic mean of the presence probabilities
 * (positive when ≥ 0.5) and of the four severity probabilities (the most probable grade). A model that does not train a
 * task has no part in its mean; a task that none trains stays null. What is not a probability (key, slices) is the
 * first model's; skipped slices are those of any.
 * @throws RangeError without members, or where they speak of different scans
 */
export function meanPrediction(members: readonly Prediction[]): Prediction {
  const [first] = members;
  if (first === undefined) throw new RangeError("meanPrediction: no members");
  const other = members.find(({ key }) => key !== first.key);
  if (other !== undefined) throw new RangeError(`meanPrediction: ${first.key} and ${other.key} are two scans`);
  const presences = members.flatMap(({ presenceProbability }) => presenceProbability ?? []);
  const grades = members.flatMap(({ severityProbabilities }) =>
    severityProbabilities === null ? [] : [severityProbabilities]
  );
  const presenceProbability = presences.length === 0 ? null : mean(presences);
  const severityProbabilities = grades.length === 0 ? null : severities.map((_, g) => mean(grades.map((q) => q[g]!)));
  const { uncertainty: _uncertainty, ...scan } = first;
  return {
    ...scan,
    presenceProbability,
    presence: presenceProbability === null ? null : presenceProbability >= 0.5,
    severityProbabilities,
    severity: severityProbabilities === null ? null : severities[argMax(severityProbabilities)]!,
    skippedSlices: [...new Set(members.flatMap(({ skippedSlices }) => skippedSlices))],
  };
}
