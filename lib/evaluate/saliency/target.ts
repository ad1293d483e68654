/** What a saliency map explains: one logit of the network. */
import { severities, type Severity } from "../../data/types.ts";
import { ConfigError } from "../../errors.ts";
import { argMax } from "../decode.ts";

export type Grade = Exclude<Severity, "undefined">;

/** The presence logit, or the logit of a grade (default: the one that is predicted for the scan). */
export type SaliencyTarget =
  | { readonly task: "presence" }
  | { readonly task: "severity"; readonly grade?: Grade };

/**
 * Place of the target's logit. Outputs: presence; then five or four grades (mild … critical, negative), or one
 * regression value, which then stands for every grade.
 * @throws ConfigError "saliency.target" when the network has no severity output
 */
export function targetOutput(target: SaliencyTarget, logits: ArrayLike<number>): number {
  if (target.task === "presence") return 0;
  if (logits.length === 2) return 1;
  if (logits.length < 1 + severities.length) {
    throw new ConfigError("saliency.target", "this network does not grade severity", {
      expected: "a run with λ > 0",
      found: `${logits.length} outputs`,
    });
  }
  const grades = Array.from({ length: severities.length }, (_, i) => logits[1 + i]!);
  return 1 + (target.grade === undefined ? argMax(grades) : severities.indexOf(target.grade));
}
