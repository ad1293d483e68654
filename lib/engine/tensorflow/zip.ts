/**
 * Random access to a zip file: its directory, and single members as streams. Wheels hold hundreds of megabytes of
 * which a few members are wanted, so nothing is read whole.
 */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { EngineError } from "../../errors.ts";

export interface ZipMember {
  readonly name: string;
  /** Bytes once unpacked. */
  readonly size: number;
  readonly compressedSize: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  /** Offset of its local header. */
  readonly offset: number;
}

const endSignature = 0x06054b50, directorySignature = 0x02014b50, localSignature = 0x04034b50;
const endSize = 22, directorySize = 46, localSize = 30;

/** The directory of a zip file, by name. @throws EngineError where it is not a zip file, or is cut short. */
export async function zipDirectory(file: string): Promise<Map<string, ZipMember>> {
  using handle = await Deno.open(file, { read: true });
  const { size } = await handle.stat();
  const tail = await readAt(handle, file, Math.max(0, size - endSize - 0xffff), size);
  const end = findEnd(tail);
  if (end === undefined) throw damaged(file, "a zip file", "no end of directory: cut short, or not a zip file");
  const directoryStart = tail.getUint32(end + 16, true), directoryLength = tail.getUint32(end + 12, true);
  if (directoryStart + directoryLength > size) throw damaged(file, "a directory", "an offset outside of the file");
  const directory = await readAt(handle, file, directoryStart, directoryStart + directoryLength);
  const members = new Map<string, ZipMember>();
  for (let at = 0; at + directorySize <= directory.byteLength;) {
    if (directory.getUint32(at, true) !== directorySignature) throw damaged(file, "a directory entry", "other bytes");
    const nameLength = directory.getUint16(at + 28, true);
    const name = text(directory, at + directorySize, nameLength);
    members.set(name, {
      name,
      method: directory.getUint16(at + 10, true),
      compressedSize: directory.getUint32(at + 20, true),
      size: directory.getUint32(at + 24, true),
      offset: directory.getUint32(at + 42, true),
    });
    at += directorySize + nameLength + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
  }
  return members;
}

/** The unpacked bytes of a member. */
export async function openMember(file: string, member: ZipMember): Promise<Readable> {
  using handle = await Deno.open(file, { read: true });
  const header = await readAt(handle, file, member.offset, member.offset + localSize);
  if (header.getUint32(0, true) !== localSignature) throw damaged(file, `member ${member.name}`, "other bytes");
  const start = member.offset + localSize + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = createReadStream(file, {
    start,
    end: start + Math.max(member.compressedSize, 1) - 1,
    highWaterMark: 1 << 20,
  });
  if (member.method === 0) return packed;
  if (member.method !== 8) throw damaged(file, "deflated members", `compression method ${member.method}`);
  const unpacked = createInflateRaw({ chunkSize: 1 << 20 });
  packed.on("error", (error) => unpacked.destroy(error));
  return packed.pipe(unpacked);
}

/** A small member as text. */
export async function memberText(file: string, member: ZipMember): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await openMember(file, member)) chunks.push(chunk);
  return await new Blob(chunks as BlobPart[]).text();
}

async function readAt(handle: Deno.FsFile, file: string, start: number, end: number): Promise<DataView> {
  const bytes = new Uint8Array(end - start);
  await handle.seek(start, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) {
    const count = await handle.read(bytes.subarray(done));
    if (count === null) throw damaged(file, `${bytes.length} bytes at ${start}`, `${done}`);
    done += count;
  }
  return new DataView(bytes.buffer);
}

function findEnd(tail: DataView): number | undefined {
  for (let at = tail.byteLength - endSize; at >= 0; at--) {
    if (tail.getUint32(at, true) === endSignature) return at;
  }
  return undefined;
}

function text(view: DataView, at: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

function damaged(file: string, expected: string, found: string): EngineError {
  return new EngineError("engine.install.zip", "not a usable zip file", { file, expected, found });
}
