/** Files that are either whole or not there: written under a temporary name, synced, then renamed. */
import { basename, dirname, join } from "node:path";
import { Cov3dError } from "./errors.ts";

/** Writes and syncs a file in place; for files inside a folder that is itself renamed when it is complete. */
export async function writeSynced(path: string, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  let written = 0;
  while (written < bytes.length) written += await file.write(bytes.subarray(written));
  await file.sync();
}

/** A folder and those above it, as far as they are not there yet. @throws Cov3dError "write-folder" */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new Cov3dError("write-folder", "the folder cannot be made", { file: path, found: reason(cause), cause });
  }
}

/**
 * Replaces `path` in one step: a reader sees the old content or the new, never a part.
 * @throws Cov3dError "write-file"
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeSynced(temporary, content);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new Cov3dError("write-file", "the file cannot be written", {
      file: path,
      found: reason(error),
      cause: error,
    });
  }
  await syncFolder(dirname(path));
}

/** "No such file or directory (os error 2)", without the temporary name that follows. */
function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message.split(": ")[0]! : String(cause);
}

/** Makes renames inside a folder durable; a no-op where the system cannot sync folders (Windows). */
export async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path, { read: true });
    await folder.sync();
  } catch {
    // not supported here: the rename itself is still atomic
  }
}

/** Lower-case hexadecimal SHA-256. */
export async function sha256(content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function fileExists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
