/** Opens a checkpoint of either container. */
import { DataError } from "../errors.ts";
import { isLegacy, readLegacy } from "./legacy_container.ts";
import { limits } from "./limits.ts";
import { resaveHint, Source } from "./source.ts";
import type { DecodeTorchOptions, TorchCheckpoint } from "./types.ts";
import { isZip, readZip } from "./zip_container.ts";

/**
 * Reads a PyTorch checkpoint of the zip container (1.6 and later) or the legacy one. Nothing in it is executed. Tensors
 * are views of `bytes` until their numbers are asked for, so `bytes` must not change while they are used.
 * @throws DataError with a code "torch.…" when the file is no checkpoint, is damaged, asks for anything that is not on
 * the allow-list of opcodes and names, or passes a limit
 */
export function decodeTorchCheckpoint(bytes: Uint8Array, options: DecodeTorchOptions = {}): TorchCheckpoint {
  const { file, maxBytes = limits.bytes } = options, source = new Source(bytes, file);
  if (bytes.length > maxBytes) throw tooLarge(bytes.length, maxBytes, file);
  if (isZip(bytes)) return readZip(source, maxBytes);
  if (isLegacy(bytes)) return readLegacy(source, maxBytes);
  if (isTar(bytes)) {
    throw source.error("torch.tar-refused", "this is a checkpoint of PyTorch before 0.2, a tar archive", 0, {
      expected: "the zip container, or the legacy one of PyTorch 0.2 to 1.5",
      hint: resaveHint,
    });
  }
  throw source.error("torch.container", "this file is not a PyTorch checkpoint", 0, {
    expected: "a zip archive, or a pickle with PyTorch's magic number",
    found: bytes.length === 0 ? "an empty file" : firstBytes(bytes),
    ...hintFor(bytes),
  });
}

/**
 * Reads a PyTorch checkpoint from disk; see {@linkcode decodeTorchCheckpoint}.
 * @throws DataError also when the file cannot be read ("torch.unreadable") or has more than `maxBytes` ("torch.too-large")
 */
export async function readTorchCheckpoint(
  file: string,
  { maxBytes = limits.bytes }: Pick<DecodeTorchOptions, "maxBytes"> = {},
): Promise<TorchCheckpoint> {
  return decodeTorchCheckpoint(await readWhole(file, maxBytes), { file, maxBytes });
}

/** One allocation of the file's size, after its size has been looked at. */
async function readWhole(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    using handle = await Deno.open(file, { read: true });
    const { size, isFile } = await handle.stat();
    if (!isFile) throw new Error("not a file");
    if (size > maxBytes) throw tooLarge(size, maxBytes, file);
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const count = await handle.read(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new DataError("torch.unreadable", "the checkpoint cannot be read", { file, found, cause });
  }
}

function tooLarge(size: number, maxBytes: number, file: string | undefined): DataError {
  return new DataError("torch.too-large", "the checkpoint is larger than allowed", {
    expected: `at most ${maxBytes} bytes`,
    found: `${size} bytes`,
    hint: "Give a larger maxBytes if that is right",
    ...(file === undefined ? {} : { file }),
  });
}

const ascii = (bytes: Uint8Array, at: number, text: string) =>
  bytes.length >= at + text.length && [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

const isTar = (bytes: Uint8Array) => ascii(bytes, 257, "ustar");

function firstBytes(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Names what it is instead, where that is plain to see. */
function hintFor(bytes: Uint8Array): { hint?: string } {
  if (bytes[0] === 0x80) return { hint: `This is some other pickle. ${resaveHint}` };
  if (bytes[8] === 0x7b) return { hint: "This looks like a safetensors file: give it the name *.safetensors" };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return { hint: "This is a gzip file: unpack it first" };
  if (ascii(bytes, 1, "HDF")) return { hint: "This is an HDF5 file (Keras?), not a PyTorch checkpoint" };
  if (bytes[0] === 0x3c) return { hint: "This is an HTML page: the download did not give the file" };
  return {};
}
