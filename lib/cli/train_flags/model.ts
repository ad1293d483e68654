/** Flags of the network. */
import { modelNames } from "../../nn/config.ts";
import { flag, number, type TrainFlag } from "./flag.ts";

export const modelFlags: readonly TrainFlag[] = [
  flag("--model <name>", "network", "model.model", { choices: modelNames }),
  flag("--dropout <x>", "rate after each residual layer and in the head", "model.dropout", { parse: number }),
  flag(
    "--pool <kind>",
    "global pooling: average (paper and r3d_18, default), or max as the 2022 program's default",
    "model.pool",
    { choices: ["average", "max"] },
  ),
  flag("--penultimate <n>", "width of the head's hidden layer; 0 = one linear layer", "model.penultimate", {
    parse: number,
  }),
  flag("--final-bias", "give the last linear layer a bias", "model.finalBias"),
];
