/** The content of one entry of an archive: a view of a stored one, a bounded inflation of a compressed one. */
import { Inflate } from "fflate";
import { crc32 } from "node:zlib";
import { quoted, Source } from "./source.ts";
import type { ZipEntry } from "./zip_directory.ts";

/** Compressed bytes at a time; deflate makes at most 1032 bytes of one, so a lie costs at most 4 MB. */
const chunkBytes = 4096;

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

function inflate(archive: Source, { name, start, size }: ZipEntry, packed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(size);
  let filled = 0;
  const stream = new Inflate((chunk) => {
    if (filled + chunk.length > size) {
      throw archive.error("torch.zip-bomb", "an entry inflates to more than the archive says", start, {
        expected: `${size} bytes in ${quoted(name)}`,
        found: `at least ${filled + chunk.length}`,
      });
    }
    bytes.set(chunk, filled);
    filled += chunk.length;
  });
  const damaged = (found: string, cause?: unknown) =>
    archive.error("torch.zip-inflate", "a compressed entry is damaged", start, {
      expected: `${size} bytes in ${quoted(name)}`,
      found,
      ...(cause === undefined ? {} : { cause }),
    });
  for (let at = 0; at < packed.length; at += chunkBytes) {
    try {
      stream.push(packed.subarray(at, at + chunkBytes), at + chunkBytes >= packed.length);
    } catch (error) {
      if (isTyped(error)) throw error;
      throw damaged(error instanceof Error ? error.message : String(error), error);
    }
  }
  if (filled !== size) throw damaged(`${filled} bytes`);
  return bytes;
}

const isTyped = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string";
