/** Flags of the weights that training starts from. */
import type { TrainFlag } from "./flag.ts";

export const weightsFlags: readonly TrainFlag[] = [];
