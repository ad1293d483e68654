/**
 * How far several models disagree about each scan (deep ensembles: Lakshminarayanan, Pritzel and Blundell 2017): the
 * same measures as Monte-Carlo dropout has, with models in the place of passes.
 */
import { meanPrediction } from "./mean_prediction.ts";
import type { Prediction } from "./prediction.ts";
import { spreadOf } from "./uncertainty.ts";

/**
 * The members' mean prediction of each scan with its `uncertainty`. `members[m][i]` is what model m says of scan i; a
 * task that a member does not answer has no spread.
 * @throws RangeError without members, or where they speak of different scans
 */
export function withMemberSpread(members: readonly (readonly Prediction[])[]): Prediction[] {
  const [first] = members;
  if (first === undefined) throw new RangeError("withMemberSpread: no members");
  const other = members.find(({ length }) => length !== first.length);
  if (other !== undefined) throw new RangeError(`withMemberSpread: ${first.length} scans against ${other.length}`);
  return first.map((_, i) => {
    const answers = members.map((predictions) => predictions[i]!);
    const presence = answers.flatMap(({ presenceProbability: p }) => p === null ? [] : [[1 - p, p]]);
    const severity = answers.flatMap(({ severityProbabilities: q }) => q === null ? [] : [q]);
    const spread = (rows: readonly (readonly number[])[]) =>
      rows.length < members.length ? null : spreadOf(rows).spread;
    return {
      ...meanPrediction(answers),
      uncertainty: { samples: members.length, presence: spread(presence), severity: spread(severity) },
    };
  });
}
