/** The kit's side of `bench checkpoint`: a checkpoint from disk to the numbers of every tensor. */
import { crc32 } from "node:zlib";
import { findStateDict, readTorchCheckpoint } from "../../lib/torch/mod.ts";
import type { CheckpointAnswer, CheckpointRequest } from "./checkpoint.ts";
import { peakResidentBytes, serveRounds } from "./side.ts";

async function load({ file }: CheckpointRequest): Promise<CheckpointAnswer> {
  const started = performance.now();
  const tensors = findStateDict((await readTorchCheckpoint(file)).value, file);
  const loaded = [...tensors.values()].map((tensor) => tensor.data());
  const seconds = (performance.now() - started) / 1000;
  const loadPeakBytes = peakResidentBytes();
  let bytes = 0, checksum = 0;
  for (const data of loaded) {
    bytes += data.byteLength;
    checksum = crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), checksum);
  }
  return {
    seconds,
    tensors: loaded.length,
    bytes,
    checksum,
    ...(loadPeakBytes === undefined ? {} : { loadPeakBytes }),
  };
}

await serveRounds<CheckpointRequest, CheckpointAnswer>(
  { version: Deno.version.deno, residentBytes: peakResidentBytes() },
  load,
);
