/** Opens a checkpoint of either container. */
import { DataError } from "../errors.ts";
import type { DecodeTorchOptions, TorchCheckpoint } from "./types.ts";

/** @throws DataError when the file is damaged, refused or too large */
export function decodeTorchCheckpoint(_bytes: Uint8Array, _options: DecodeTorchOptions = {}): TorchCheckpoint {
  throw new DataError("torch.container", "being written");
}

/** Reads a checkpoint from disk. */
export async function readTorchCheckpoint(
  file: string,
  { maxBytes }: Pick<DecodeTorchOptions, "maxBytes"> = {},
): Promise<TorchCheckpoint> {
  return decodeTorchCheckpoint(await Deno.readFile(file), { file, ...(maxBytes === undefined ? {} : { maxBytes }) });
}
