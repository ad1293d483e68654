/** safetensors files on disk; the format itself is in `lib/nn/safetensors.ts`, which runs in a browser too. */
import { RunError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsContent, type StateTensor } from "../nn/safetensors.ts";

/** Reads a safetensors file from disk. */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (cause) {
    throw new RunError("safetensors.unreadable", "weights file cannot be read", {
      file: path,
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
  return decodeSafetensors(bytes, path);
}

/** Writes a safetensors file in one step: the old file or the new one is there, never a part. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StateTensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}
