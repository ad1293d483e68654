import type { Label, SeverityGroup } from "../../lib/train/targets.ts";

/** A label of the group; "positive" is a positive without a grade. */
export function labelOf(group: SeverityGroup): Label {
  if (group === "negative") return { presence: false, severity: "undefined" };
  return { presence: true, severity: group === "positive" ? "undefined" : group };
}
