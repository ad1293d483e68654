/** Writes archives as torch.save does: stored, and every entry's content begins at a multiple of 64 bytes. */
import { crc32 } from "node:zlib";
import { DataError } from "../errors.ts";

export interface ArchiveEntry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What PyTorch aligns to, so that storages can be mapped into memory. */
export const alignment = 64;

const localLength = 30, centralLength = 46, endLength = 22;
/** 1 January 1980: the same weights give the same bytes. */
const earliestDate = 0x21;
const utf8Names = 0x0800;

interface Placed {
  readonly name: Uint8Array;
  readonly content: Uint8Array;
  readonly crc: number;
  readonly header: number;
  /** Bytes of the extra field that moves the content to its boundary. */
  readonly padding: number;
}

/** @throws DataError "torch.too-large" at 4 GiB, where zip64 would begin */
export function encodeArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  let at = 0;
  const placed = entries.map(({ name, content }): Placed => {
    const encoded = new TextEncoder().encode(name), header = at;
    const bare = header + localLength + encoded.length + 4; // 4: head of the extra field
    const padding = 4 + (alignment - bare % alignment) % alignment;
    at = header + localLength + encoded.length + padding + content.length;
    return { name: encoded, content, crc: crc32(content), header, padding };
  });
  const directory = placed.reduce((sum, { name }) => sum + centralLength + name.length, 0);
  const size = at + directory + endLength;
  if (size >= 2 ** 32 || entries.length >= 2 ** 16 - 1) {
    throw new DataError("torch.too-large", "the weights are too large for one checkpoint", {
      expected: "less than 4 GiB",
      found: `${size} bytes`,
    });
  }
  const file = new Uint8Array(size), view = new DataView(file.buffer);
  for (const entry of placed) writeEntry(file, view, entry);
  let central = at;
  for (const entry of placed) central = writeCentral(file, view, entry, central);
  view.setUint32(central, 0x06054b50, true);
  view.setUint16(central + 8, placed.length, true);
  view.setUint16(central + 10, placed.length, true);
  view.setUint32(central + 12, directory, true);
  view.setUint32(central + 16, at, true);
  return file;
}

/** The fields that the local and the central header have in common, from "version needed" to "extra length". */
function writeCommon(view: DataView, at: number, { name, content, crc }: Placed, extra: number): void {
  view.setUint16(at + 2, utf8Names, true);
  view.setUint16(at + 8, earliestDate, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, content.length, true);
  view.setUint32(at + 18, content.length, true);
  view.setUint16(at + 22, name.length, true);
  view.setUint16(at + 24, extra, true);
}

function writeEntry(file: Uint8Array, view: DataView, entry: Placed): void {
  const { name, content, header, padding } = entry, extra = header + localLength + name.length;
  view.setUint32(header, 0x04034b50, true);
  writeCommon(view, header + 4, entry, padding);
  file.set(name, header + localLength);
  file.set([0x46, 0x42], extra); // "FB", PyTorch's name for its padding
  view.setUint16(extra + 2, padding - 4, true);
  file.fill(0x5a, extra + 4, extra + padding);
  file.set(content, extra + padding);
}

function writeCentral(file: Uint8Array, view: DataView, entry: Placed, at: number): number {
  view.setUint32(at, 0x02014b50, true);
  writeCommon(view, at + 6, entry, 0);
  view.setUint32(at + 42, entry.header, true);
  file.set(entry.name, at + centralLength);
  return at + centralLength + entry.name.length;
}
