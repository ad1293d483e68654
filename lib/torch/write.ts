/** Writes a state dict as torch.save does. */
import { DataError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import type { StateDict } from "../nn/safetensors.ts";

/** The zip container that `torch.load(file, weights_only=True)` reads. */
export function encodeTorchCheckpoint(_state: StateDict): Uint8Array {
  throw new DataError("torch.container", "being written");
}

/** The same, into a file, in one step. */
export async function writeTorchCheckpoint(file: string, state: StateDict): Promise<void> {
  await writeFileAtomic(file, encodeTorchCheckpoint(state));
}
