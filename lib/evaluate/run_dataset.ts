/** The dataset that a run is scored on: the one that is named, else the one that the run was trained on. */
import { openDataset } from "../data/dataset.ts";
import type { Dataset } from "../data/types.ts";
import { DataError } from "../errors.ts";
import type { TrainConfig } from "../train/config.ts";

export interface RunDatasetOptions {
  /** Folder in COV19-CT-DB layout; the run's own when left out. */
  readonly directory?: string | undefined;
  /** CSV `scan;patient`; with the run's own folder the run's own file when left out. */
  readonly patients?: string | undefined;
}

/** @throws DataError "run.dataset_missing" when the run's own is not where it was; those of `openDataset` */
export async function openRunDataset(
  { directory, patients }: RunDatasetOptions,
  { data }: Pick<TrainConfig, "data">,
): Promise<Dataset> {
  const csv = patients ?? (directory === undefined ? data.patients : undefined);
  try {
    return await openDataset({
      directory: directory ?? data.directory,
      ...(csv === undefined ? {} : { patients: csv }),
    });
  } catch (cause) {
    if (directory !== undefined || !(cause instanceof DataError) || cause.code !== "folder-missing") throw cause;
    throw new DataError("run.dataset_missing", "the dataset that the run was trained on is not there", {
      file: data.directory,
      hint: "Give the folder where it is now",
      cause,
    });
  }
}
