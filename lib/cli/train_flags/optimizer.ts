/** Flags of the optimizer. */
import { flag, number, type TrainFlag } from "./flag.ts";

export const optimizerFlags: readonly TrainFlag[] = [
  flag(
    "--learning-rate <x>",
    "highest rate of the one-cycle schedule (1e-4 in the original code)",
    "optimizer.learningRate",
    { parse: number },
  ),
  flag(
    "--weight-decay <x>",
    "decoupled decay. 0.01 is what the original program effectively used; 1e-5 is often quoted for the paper " +
      "(and is in its preset), but no source confirms it; at a learning rate up to 1e-4 it is exactly no decay, " +
      "because 1 - 1e-9 is 1 in float32",
    "optimizer.weightDecay",
    { parse: number },
  ),
];
