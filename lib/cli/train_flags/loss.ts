/** Flags of the losses. */
import { flag, number, type TrainFlag } from "./flag.ts";

export const lossFlags: readonly TrainFlag[] = [
  flag("--lambda <x>", "same as --severity-factor", "loss.severityFactor", {
    parse: number,
    conflicts: ["severityFactor"],
  }),
  flag("--severity-factor <x>", "λ: 0 trains presence only, 1 severity only", "loss.severityFactor", { parse: number }),
  flag("--presence-smoothing <x>", "ε1, label smoothing of task 1", "loss.presenceSmoothing", { parse: number }),
  flag("--severity-smoothing <x>", "ε2, neighbour smoothing of task 2", "loss.severitySmoothing", { parse: number }),
  flag(
    "--presence-weighting <rule>",
    "class weights of task 1: the code's factor on the positive term (default), the paper's w_i per item, or none",
    "loss.presenceWeighting",
    { choices: ["positive-term", "item", "none"] },
  ),
  flag(
    "--superset <rule>",
    "positives without a grade: equation (5) in every batch (paper, default), or as the 2022 program did it",
    "loss.superset",
    { choices: ["paper", "code2022"] },
  ),
];
