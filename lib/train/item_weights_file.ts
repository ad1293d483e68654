/** The file of item weights that a run's configuration names, known by its content. */
import { DataError, RunError } from "../errors.ts";
import { sha256 } from "../files.ts";
import type { TrainConfig } from "./config.ts";

/**
 * The file of a configuration with its hash; undefined where the configuration names none.
 * @throws RunError "run.item_weights_changed" when the file is not the one that the run began with; DataError
 *   "csv-unreadable"
 */
export async function itemWeightsFile(
  { data: { itemWeights } }: Pick<TrainConfig, "data">,
): Promise<{ readonly file: string; readonly sha256: string } | undefined> {
  if (itemWeights === undefined) return undefined;
  const { file, sha256: expected } = itemWeights, found = await hashOf(file);
  if (expected === undefined || expected === found) return { file, sha256: found };
  throw new RunError("run.item_weights_changed", "the item weights file is not the one that this run began with", {
    file,
    expected: `SHA-256 ${expected}`,
    found,
    hint: "Restore the file, or start a new run",
  });
}

/** The configuration with the hash of its item weights, so that a run notices when the file changes. */
export async function withItemWeightsHash(config: TrainConfig): Promise<TrainConfig> {
  const itemWeights = await itemWeightsFile(config);
  return itemWeights === undefined ? config : { ...config, data: { ...config.data, itemWeights } };
}

async function hashOf(file: string): Promise<string> {
  try {
    return await sha256(await Deno.readFile(file));
  } catch (cause) {
    throw new DataError("csv-unreadable", "CSV file cannot be read", { file, expected: "scan;weight", cause });
  }
}
