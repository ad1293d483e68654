/** Flags of the weights that training starts from. */
import { flag, number, type TrainFlag } from "./flag.ts";

export const weightsFlags: readonly TrainFlag[] = [
  flag(
    "--weights <file>",
    "start from these weights: a file of `cov3d weights import`, a PyTorch checkpoint (.pth) or safetensors, a run " +
      "folder (its best weights) or RUN/checkpoints/last; a head of another shape starts anew. The file's SHA-256 goes " +
      "into config.json; from the first checkpoint on the file is no longer needed",
    "initialWeights.file",
  ),
  flag(
    "--fine-tune",
    "with --weights: train the head and the batch norms alone for some epochs, then everything for --epochs at half " +
      "the rate, as the original program",
    "fineTune",
    { toField: () => ({}) },
  ),
  flag(
    "--freeze-epochs <n>",
    "epochs of the first part of --fine-tune, which this implies (default 3)",
    "fineTune.freezeEpochs",
    {
      parse: number,
    },
  ),
  flag("--from-scratch", "start a preset that is about pretrained weights from fresh ones", "needsPretrained", {
    conflicts: ["weights"],
    toField: () => false,
  }),
];
