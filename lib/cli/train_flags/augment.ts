/** Flags of augmentation. */
import { flag, type TrainFlag } from "./flag.ts";

export const augmentFlags: readonly TrainFlag[] = [
  flag("--no-reflection", "no random sagittal reflection of training scans", "reflection", {
    toField: (reflection) => reflection === false ? 0 : undefined,
  }),
];
