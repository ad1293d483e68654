/** One number for all weights of a run: two runs with the same one hold the same bits. */
import { join } from "node:path";
import { sha256 } from "../files.ts";
import { type CheckpointName, readCheckpoint } from "./checkpoint.ts";
import { runFiles } from "./run.ts";

export interface WeightsHashOptions {
  /** Run folder. */
  readonly run: string;
  /** Default "last". */
  readonly checkpoint?: CheckpointName;
}

/**
 * SHA-256 of `checkpoints/<checkpoint>/model.safetensors`, 64 hexadecimal digits. The file has every weight and running
 * statistic in a fixed order and nothing else, so that equal hashes mean equal bits.
 * @throws RunError when there is no such checkpoint, or it is damaged
 */
export async function weightsHash({ run, checkpoint = "last" }: WeightsHashOptions): Promise<string> {
  const { files } = await readCheckpoint(join(run, runFiles.checkpoints), checkpoint);
  return await sha256(files.get("model.safetensors")!);
}
