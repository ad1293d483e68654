/** One recipe for both frameworks. It was fixed before any score was seen; there is no selection of epochs or options. */
import { slicesPerScan } from "./sampling.ts";

export interface ExperimentRecipe {
  readonly size: readonly [depth: number, height: number, width: number];
  /** r3d_18's layout, narrow and with one block a layer. */
  readonly widths: readonly [number, number, number, number];
  readonly blocks: readonly [number, number, number, number];
  readonly penultimate: number;
  readonly dropout: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly presenceSmoothing: number;
  /** Chance of a sagittal reflection at each fetch. */
  readonly reflection: number;
}

export const recipe: ExperimentRecipe = {
  size: [slicesPerScan, 96, 96],
  widths: [16, 32, 64, 128],
  blocks: [1, 1, 1, 1],
  penultimate: 64,
  dropout: 0.1,
  epochs: 40,
  batchSize: 4,
  learningRate: 3e-3,
  weightDecay: 0.01,
  presenceSmoothing: 0.1,
  reflection: 0.5,
};

export const folds = [0, 1, 2, 3, 4] as const;
export const seeds = [1, 2] as const;
