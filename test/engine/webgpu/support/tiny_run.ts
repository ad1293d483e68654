/** A training run small enough for a software GPU, and well enough conditioned for engines to stay together. */
import { mergeConfig, type PartialTrainConfig } from "../../../../lib/train/merge_config.ts";
import type { TrainConfigInput } from "../../../../lib/train/config.ts";
import { presetConfig } from "../../../../lib/train/presets.ts";

export function tinyRun(directory: string, cache: string, changes: PartialTrainConfig): TrainConfigInput {
  const model = { widths: [8, 8, 8, 16], penultimate: 16, dropout: 0.2 };
  const data = { directory, cache, size: { depth: 8, height: 24, width: 24 } };
  return presetConfig("tiny", mergeConfig({ engine: "webgpu", batchSize: 2, seed: 3, model, data }, changes));
}
