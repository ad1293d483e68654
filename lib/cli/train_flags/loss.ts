/** Flags of the losses. */
import { severityWeightRules } from "../../train/class_weights.ts";
import { severityHeadNames } from "../../train/severity_heads.ts";
import { regressionLossNames } from "../../train/severity_regression.ts";
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
    "positives without a grade: equation (5) for each of them (paper, default), or code2022: dropped from batches that " +
      "hold anything else, and a batch of nothing else counts 1/w times",
    "loss.superset",
    { choices: ["paper", "code2022"] },
  ),
  flag(
    "--severity-head <name>",
    "five-class (grades and negative: the paper, default), or a head of the 2022 program that learns from graded scans " +
      "only: four-class (its default, no smoothing), regression (one output, no probabilities of grades)",
    "loss.severityHead",
    { choices: severityHeadNames },
  ),
  flag(
    "--severity-weights <rule>",
    "class weights of task 2: counted in the training labels (paper, default), code2022 (constants for 2292 scans in " +
      "the five-class head, none in the others), or none (as the 2023 program)",
    "loss.severityWeights",
    { choices: severityWeightRules },
  ),
  flag(
    "--neighbour-smoothing",
    "four-class head: give ε2/2 to each neighbouring grade (an option of the 2022 program that the paper does not use)",
    "loss.neighbourSmoothing",
  ),
  flag(
    "--regression-loss <kind>",
    "regression head: cross-entropy of its probability (default) or squared-error of its logit (--mse of the program)",
    "loss.regressionLoss",
    { choices: regressionLossNames },
  ),
  flag(
    "--focal-gamma <x>",
    "focal factor (1 - q)^γ on the severity loss; 2 in the 2023 program, with --severity-weights none and " +
      "--severity-smoothing 0 (default 0, off)",
    "loss.focalGamma",
    { parse: number },
  ),
  flag(
    "--earth-mover <w>",
    "severity loss = (1 - w)·classification + w·earth mover's distance over the chain of grades; 0.1 in the 2023 " +
      "program (default 0, off)",
    "loss.earthMover",
    { parse: number },
  ),
];
