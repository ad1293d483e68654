/** A set of scans as one hash, so that stored predictions are used for the same scans only. */
import { resolve } from "node:path";
import { memoFolder } from "../data/cache.ts";
import { ContentHasher } from "../data/content_hash.ts";
import type { Scan } from "../data/types.ts";
import { sha256 } from "../files.ts";
import { volumeCache } from "../paths.ts";

export interface ScanSetOptions {
  /** Cache folder, where content hashes are remembered; true or left out: the user's. */
  readonly cache?: string | boolean;
  /** A slice that cannot be opened is hashed as such. */
  readonly skipUnreadable?: boolean;
}

/** SHA-256 over keys and contents (names and bytes of the slices) of the scans, in their order. */
export async function scanSetSha256(scans: readonly Scan[], options: ScanSetOptions = {}): Promise<string> {
  const { cache = true, skipUnreadable = false } = options;
  const hasher = new ContentHasher(`${resolve(typeof cache === "string" ? cache : volumeCache())}/${memoFolder}`);
  const lines: string[] = [];
  for (const scan of scans) lines.push(`${scan.key}\0${(await hasher.contentOf(scan, skipUnreadable)).hash}\n`);
  return await sha256(lines.join(""));
}
