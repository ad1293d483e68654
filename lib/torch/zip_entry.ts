/** The content of one entry of an archive: a view of a stored one, a bounded inflation of a compressed one. */
import { crc32, inflateRawSync } from "node:zlib"; // bounded and without garbage, which fflate's streams are not
import { quoted, Source } from "./source.ts";
import type { ZipEntry } from "./zip_directory.ts";

/** @throws DataError "torch.zip-inflate", "torch.zip-bomb", "torch.zip-checksum" */
export function readZipEntry(archive: Source, entry: ZipEntry): Source {
  const { name, start, compressedSize } = entry;
  const packed = archive.bytes.subarray(start, start + compressedSize);
  const bytes = entry.method === "stored" ? packed : inflate(archive, entry, packed);
  // torch.serialization.set_crc32_options(False) leaves 0 there
  if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32) {
    throw archive.error("torch.zip-checksum", "an entry of the archive is damaged", start, {
      expected: `the CRC-32 ${hex(entry.crc32)} of ${quoted(name)}`,
      found: hex(crc32(bytes)),
      hint: "The file changed since it was written: fetch or copy it again",
    });
  }
  return new Source(bytes, archive.file, entry.method === "stored" ? start : undefined, name);
}

const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;

/** Inflates into one buffer of the size that the directory says, and not a byte more. */
function inflate(archive: Source, { name, start, size }: ZipEntry, packed: Uint8Array): Uint8Array {
  const refuse = (code: "torch.zip-bomb" | "torch.zip-inflate", message: string, found: string, cause?: unknown) =>
    archive.error(code, message, start, { expected: `${size} bytes in ${quoted(name)}`, found, cause });
  let bytes: Uint8Array;
  try {
    // one chunk holds everything, so that nothing is joined; 64 spare bytes end the stream within it
    bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, size), chunkSize: size + 64 });
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      throw refuse("torch.zip-bomb", "an entry inflates to more than the archive says", "more", cause);
    }
    const found = cause instanceof Error ? cause.message : String(cause);
    throw refuse("torch.zip-inflate", "a compressed entry is damaged", found, cause);
  }
  if (bytes.length !== size) {
    throw refuse("torch.zip-inflate", "a compressed entry is damaged", `${bytes.length} bytes`);
  }
  return bytes;
}
