/** A Python wheel: a zip file whose RECORD lists the SHA-256 of every member. */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { memberText, openMember, zipDirectory, type ZipMember } from "./zip.ts";

export interface Wheel {
  readonly file: string;
  /** From the file's name: distribution and version. */
  readonly name: string;
  readonly version: string;
  readonly members: ReadonlyMap<string, ZipMember>;
  /** Base64url SHA-256 of each member, from RECORD. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Text of METADATA: name, version, dependencies. */
  readonly metadata: string;
}

/** @throws EngineError where the file is no wheel. */
export async function openWheel(file: string): Promise<Wheel> {
  const [name, version] = basename(file).split("-");
  const members = await zipDirectory(file);
  const read = async (suffix: string) => {
    const member = [...members.values()].find((entry) => entry.name.endsWith(`.dist-info/${suffix}`));
    if (member === undefined) {
      throw new EngineError("engine.install.wheel", "not a Python wheel", { file, expected: suffix, found: "none" });
    }
    return await memberText(file, member);
  };
  const hashes = parseRecord(await read("RECORD"));
  return { file, name: name ?? "", version: version ?? "", members, hashes, metadata: await read("METADATA") };
}

/** `path,sha256=<base64url>,<size>` a line. */
function parseRecord(record: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const line of record.split(/\r?\n/)) {
    const [, path, hash] = /^"?(.*?)"?,sha256=([\w-]+),\d*$/.exec(line) ?? [];
    if (path !== undefined && hash !== undefined) hashes.set(path, hash);
  }
  return hashes;
}

export interface ExtractOptions {
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Unpacks one member below `folder` under its own path. @throws EngineError where its hash is not that of RECORD. */
export async function extractMember(
  wheel: Wheel,
  member: ZipMember,
  folder: string,
  { onBytes, signal }: ExtractOptions,
): Promise<void> {
  const expected = wheel.hashes.get(member.name);
  if (expected === undefined) throw mismatch(wheel, member, "a hash in RECORD", "none");
  const target = join(folder, member.name);
  await Deno.mkdir(dirname(target), { recursive: true });
  const hash = createHash("sha256");
  {
    using output = await Deno.open(target, { write: true, createNew: true });
    try {
      for await (const chunk of await openMember(wheel.file, member)) {
        signal?.throwIfAborted();
        hash.update(chunk);
        for (let done = 0; done < chunk.length;) done += await output.write(chunk.subarray(done));
        onBytes?.(chunk.length);
      }
    } catch (cause) {
      if (isZlibError(cause)) throw mismatch(wheel, member, "compressed data", cause.message);
      throw cause;
    }
    await output.sync();
  }
  const found = hash.digest("base64url");
  if (found !== expected) throw mismatch(wheel, member, `SHA-256 ${expected}`, found);
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && /^(Z_|ERR_ZLIB)/.test(String((error as Error & { code?: unknown }).code));
}

function mismatch(wheel: Wheel, member: ZipMember, expected: string, found: string): EngineError {
  return new EngineError("engine.install.corrupt", `${member.name} is not what the wheel's RECORD says`, {
    file: wheel.file,
    expected,
    found,
    hint: "Download it again",
  });
}
