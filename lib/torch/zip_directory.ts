/**
 * The table of contents of a zip archive (PKWARE APPNOTE 4.3), checked before anything is read: every entry lies inside
 * the file, none covers another, no name comes twice, and no size is out of proportion. Zip64 is understood.
 */
import { limits } from "./limits.ts";
import { quoted, type Source } from "./source.ts";

export interface ZipEntry {
  readonly name: string;
  readonly method: "stored" | "deflated";
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where its local header is. */
  readonly header: number;
  /** Where its (compressed) bytes are. */
  readonly start: number;
}

interface Directory {
  readonly start: number;
  readonly length: number;
  readonly entries: number;
  /** Where the records after the directory begin. */
  readonly end: number;
}

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const endLength = 22, centralLength = 46, localLength = 30;
const none16 = 0xffff, none32 = 0xffffffff;

/** @param maxBytes most bytes of all entries together once inflated */
export function readZipDirectory(source: Source, maxBytes: number): ReadonlyMap<string, ZipEntry> {
  const view = new DataView(source.bytes.buffer, source.bytes.byteOffset, source.bytes.length);
  const directory = findDirectory(view, source);
  const entries = new Map<string, ZipEntry>();
  let at = directory.start;
  for (let i = 0; i < directory.entries; i++) {
    const [entry, next] = readCentral(view, source, at, directory);
    if (entries.has(entry.name)) {
      throw source.error("torch.zip-duplicate", "two entries of the archive have one name", at, {
        found: quoted(entry.name),
      });
    }
    entries.set(entry.name, entry);
    at = next;
  }
  if (at !== directory.start + directory.length) {
    throw source.error("torch.zip-directory", "the archive's directory has another length than its entries", at);
  }
  assertApart(source, [...entries.values()], directory.start);
  assertProportion(source, [...entries.values()], maxBytes);
  return entries;
}

/** The end record is last in the file, before a comment of a length that it names. */
function findDirectory(view: DataView, source: Source): Directory {
  const last = view.byteLength - endLength;
  for (let at = last; at >= Math.max(0, last - none16); at--) {
    if (
      view.getUint32(at, true) !== signatures.end || at + endLength + view.getUint16(at + 20, true) !== view.byteLength
    ) {
      continue;
    }
    const zip64 = at >= 20 && view.getUint32(at - 20, true) === signatures.locator64;
    const directory = zip64 ? directory64(view, source, at - 20) : directory32(view, at);
    if (directory.start + directory.length > directory.end || directory.length > limits.directoryBytes) {
      throw source.error("torch.zip-directory", "the archive's directory is not where the archive says", at, {
        expected: `at most ${limits.directoryBytes} bytes before byte ${directory.end}`,
        found: `${directory.length} bytes from ${directory.start}`,
      });
    }
    if (directory.entries > limits.archiveEntries) {
      throw source.error("torch.zip-directory", "the archive has too many entries", at, {
        expected: `at most ${limits.archiveEntries}`,
        found: `${directory.entries}`,
      });
    }
    return directory;
  }
  throw source.error("torch.zip-truncated", "the archive has no end record", Math.max(0, view.byteLength - 1), {
    hint: "The file is cut short: fetch or copy it again",
  });
}

function directory32(view: DataView, at: number): Directory {
  const entries = view.getUint16(at + 10, true), length = view.getUint32(at + 12, true);
  return { entries, length, start: view.getUint32(at + 16, true), end: at };
}

function directory64(view: DataView, source: Source, locator: number): Directory {
  const at = Number(view.getBigUint64(locator + 8, true));
  if (at > locator - 56 || view.getUint32(at, true) !== signatures.end64) {
    throw source.error("torch.zip-directory", "the archive's zip64 record is not where the archive says", locator, {
      found: `offset ${at}`,
    });
  }
  const [entries, length, start] = [32, 40, 48].map((field) => Number(view.getBigUint64(at + field, true)));
  return { entries: entries!, length: length!, start: start!, end: at };
}

/** One entry, and where the next one begins. */
function readCentral(view: DataView, source: Source, at: number, directory: Directory): [ZipEntry, number] {
  const end = directory.start + directory.length;
  if (at + centralLength > end || view.getUint32(at, true) !== signatures.central) {
    throw source.error("torch.zip-directory", "the archive's directory is damaged", at, { found: "no entry" });
  }
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
  const extra = at + centralLength + nameLength!, next = extra + extraLength! + commentLength!;
  if (next > end) throw source.error("torch.zip-directory", "an entry of the archive's directory is cut short", at);
  const name = entryName(source, at + centralLength, nameLength!);
  const flags = view.getUint16(at + 8, true);
  if ((flags & 1) !== 0) {
    throw source.error("torch.zip-encrypted", "an entry of the archive is encrypted", at, { found: quoted(name) });
  }
  const wide = { size: 24, compressedSize: 20, header: 42 };
  const sizes = Object.fromEntries(
    Object.entries(wide).map(([key, field]) => [key, view.getUint32(at + field, true)]),
  ) as Record<keyof typeof wide, number>;
  readZip64(view, source, extra, extraLength!, sizes);
  const method = methodOf(view.getUint16(at + 10, true), name, source, at);
  if (method === "stored" && sizes.size !== sizes.compressedSize) {
    throw source.error("torch.zip-entry", "a stored entry has two sizes", at, {
      expected: `${sizes.compressedSize} bytes in ${quoted(name)}`,
      found: `${sizes.size}`,
    });
  }
  const start = entryStart(view, source, { ...sizes, name, method, end: directory.start });
  return [{ name, method, crc32: view.getUint32(at + 16, true), ...sizes, start }, next];
}

function entryName(source: Source, at: number, length: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(source.bytes.subarray(at, at + length));
  } catch {
    throw source.error("torch.zip-entry", "the name of an entry is not UTF-8", at);
  }
}

function methodOf(code: number, name: string, source: Source, at: number): ZipEntry["method"] {
  if (code === 0) return "stored";
  if (code === 8) return "deflated";
  throw source.error("torch.zip-method", "an entry is compressed in a way that is not read", at, {
    expected: "stored (0) or deflated (8)",
    found: `method ${code} for ${quoted(name)}`,
  });
}

/** Fields of 0xffffffff are in the zip64 extra field, in this order. */
function readZip64(
  view: DataView,
  source: Source,
  extra: number,
  length: number,
  sizes: Record<"size" | "compressedSize" | "header", number>,
): void {
  const missing = (["size", "compressedSize", "header"] as const).filter((key) => sizes[key] === none32);
  if (missing.length === 0) return;
  for (let at = extra; at + 4 <= extra + length;) {
    const id = view.getUint16(at, true), bytes = view.getUint16(at + 2, true);
    if (id === 1 && bytes >= 8 * missing.length && at + 4 + bytes <= extra + length) {
      missing.forEach((key, i) => sizes[key] = Number(view.getBigUint64(at + 4 + 8 * i, true)));
      return;
    }
    at += 4 + bytes;
  }
  throw source.error("torch.zip-entry", "an entry's 64-bit sizes are missing", extra);
}

/** The local header says the same again, and what follows it is the content. */
function entryStart(
  view: DataView,
  source: Source,
  entry: Omit<ZipEntry, "start" | "crc32"> & { end: number },
): number {
  const { name, header, compressedSize, size, end } = entry;
  const refuse = (problem: string) =>
    source.error("torch.zip-entry", problem, Math.min(header, view.byteLength), { found: quoted(name) });
  if (header + localLength > end) throw refuse("an entry begins outside of the archive");
  if (view.getUint32(header, true) !== signatures.local) throw refuse("an entry is not where the directory says");
  const [flags, method] = [6, 8].map((field) => view.getUint16(header + field, true));
  const [packed, unpacked] = [18, 22].map((field) => view.getUint32(header + field, true));
  const [nameLength, extraLength] = [26, 28].map((field) => view.getUint16(header + field, true));
  const start = header + localLength + nameLength! + extraLength!;
  if (start + compressedSize > end) throw refuse("an entry reaches beyond the archive's content");
  if (entryName(source, header + localLength, nameLength!) !== name) throw refuse("an entry has two names");
  if (method !== (entry.method === "stored" ? 0 : 8)) throw refuse("an entry has two compression methods");
  const agrees = (local: number, central: number) => local === central || local === none32; // zip64's are in the extra
  if ((flags! & 8) === 0 && !(agrees(packed!, compressedSize) && agrees(unpacked!, size))) {
    throw refuse("an entry has two sizes");
  }
  return start;
}

function assertApart(source: Source, entries: readonly ZipEntry[], end: number): void {
  let free = 0;
  for (const { name, header, start, compressedSize } of [...entries].sort((a, b) => a.header - b.header)) {
    if (header < free) {
      throw source.error("torch.zip-overlap", "two entries of the archive overlap", header, { found: quoted(name) });
    }
    free = start + compressedSize;
  }
  if (free > end) throw source.error("torch.zip-overlap", "an entry overlaps the archive's directory", end);
}

/** Refuses bombs: weights hardly compress, so a thousandfold size is not a checkpoint. */
function assertProportion(source: Source, entries: readonly ZipEntry[], maxBytes: number): void {
  let total = 0;
  for (const { name, header, size, compressedSize } of entries) {
    total += size;
    if (size <= limits.inflateFree + limits.inflateRatio * compressedSize && total <= maxBytes) continue;
    throw source.error("torch.zip-bomb", "the archive says that it inflates to far more than it is", header, {
      expected: `at most ${limits.inflateRatio} bytes per compressed byte and ${maxBytes} bytes in all`,
      found: `${size} bytes from ${compressedSize} in ${quoted(name)}`,
    });
  }
}
