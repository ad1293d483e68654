/** Flags of augmentation. */
import { flag, number, type TrainFlag } from "./flag.ts";

export const augmentFlags: readonly TrainFlag[] = [
  flag("--no-reflection", "no random sagittal reflection of training scans", "reflection", {
    toField: (reflection) => reflection === false ? 0 : undefined,
  }),
  flag(
    "--reflection <p>",
    "chance of a sagittal reflection of a training scan (default 0.5; the 2022 program reflects only with --flip)",
    "reflection",
    { parse: number, toField: (reflection) => typeof reflection === "number" ? reflection : undefined },
  ),
  flag(
    "--reflect-validation",
    "reflect validation scans at random too: so did the 2022 program by mistake, and the paper does not",
    "augment.reflectValidation",
  ),
  flag("--no-reflect-validation", "validation scans as they are (default)", "augment.reflectValidation"),
  flag(
    "--reflection-rule <rule>",
    "how later predictions of this run join a scan and its mirror image: mean of the probabilities (paper, default), " +
      "or probability of the mean presence logit (code2022)",
    "inference.reflectionRule",
    { choices: ["paper", "code2022"] },
  ),
  flag(
    "--brightness <sigma>",
    "shift all voxels of a training scan by a normal deviate (unit: grey/255; 0.05 suggested by the 2023 program; " +
      "default 0, off)",
    "augment.brightness",
    { parse: number },
  ),
  flag(
    "--contrast <sigma>",
    "scale a training scan about mid-grey by a log-normal factor (0.03 suggested by the 2023 program; default 0, off)",
    "augment.contrast",
    { parse: number },
  ),
  flag(
    "--mixup <alpha>",
    "blend each training scan with another one of its batch, share from Beta(alpha, alpha) (default 0, off)",
    "augment.mixup",
    { parse: number },
  ),
];
