/** Flags of the data: which scans, and how they become volumes. */
import { crops, parseSize } from "../../data/size.ts";
import { flag, number, type TrainFlag } from "./flag.ts";

export const dataFlags: readonly TrainFlag[] = [
  flag("--size <size>", "volume size: small, medium, large or DEPTHxHEIGHTxWIDTH", "data.size", { parse: parseSize }),
  flag("--patients <csv>", "CSV scan;patient", "data.patients"),
  flag("--cache <folder>", "folder of preprocessed volumes (default: the user's cache folder)", "data.cache"),
  flag(
    "--folds <csv>",
    "folds made by `cov3d folds`, instead of train/ and validation/; with --fold",
    "data.folds.file",
  ),
  flag("--fold <k>", "the fold to hold out for validation; the others are trained on", "data.folds.fold", {
    parse: number,
  }),
  flag(
    "--crop <what>",
    "lung: cut out the lung's bounding box first, as the 2023 program (default: none)",
    "data.crop",
    {
      choices: crops,
    },
  ),
  flag(
    "--distortion",
    "the original program's coordinate distortion: on by default there, not in the paper",
    "data.distortion",
  ),
  flag("--no-distortion", "the paper's reader (default)", "data.distortion"),
  flag(
    "--item-weights <csv>",
    "CSV scan;weight: factors of single training scans' losses in both tasks, e.g. for pseudo-labels; unlisted scans " +
      "have 1; class weights still count every scan once",
    "data.itemWeights",
  ),
  flag("--skip-unreadable", "leave unreadable slices out instead of stopping", "data.skipUnreadable"),
  flag("--shuffle-labels", "control experiment: permute the training labels with the seed", "data.shuffleLabels"),
];
