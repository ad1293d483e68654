/** Where a run's files lie, whichever folder the run is looked at from later. */
import { resolve } from "node:path";
import type { TrainConfig } from "./config.ts";

/** The configuration with absolute paths of dataset, patients, cache, folds and item weights. */
export function withAbsolutePaths(config: TrainConfig): TrainConfig {
  const { directory, patients, cache, folds, itemWeights } = config.data;
  return {
    ...config,
    data: {
      ...config.data,
      directory: resolve(directory),
      ...(patients === undefined ? {} : { patients: resolve(patients) }),
      ...(cache === undefined ? {} : { cache: resolve(cache) }),
      ...(folds === undefined ? {} : { folds: { ...folds, file: resolve(folds.file) } }),
      ...(itemWeights === undefined ? {} : { itemWeights: { ...itemWeights, file: resolve(itemWeights.file) } }),
    },
  };
}
