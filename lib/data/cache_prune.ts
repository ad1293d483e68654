/** Removing what a cache folder holds in vain. */
import { resolve } from "node:path";
import { DataError } from "../errors.ts";
import { fileExists } from "../files.ts";
import { volumeCache } from "../paths.ts";
import { memoFolder, volumeKey } from "./cache.ts";
import { type CacheEntry, readEntry } from "./cache_file.ts";
import { ContentHasher } from "./content_hash.ts";
import { listSlices } from "./listing_memory.ts";

export interface PruneOptions {
  /** Default: the user's cache folder. */
  readonly directory?: string;
  readonly onProgress?: (filesSeen: number) => void;
  readonly signal?: AbortSignal;
}

export interface PruneResult {
  readonly directory: string;
  readonly removed: readonly { readonly file: string; readonly reason: string; readonly bytes: number }[];
  readonly kept: number;
  readonly bytesFreed: number;
}

const leftoverMs = 60 * 60 * 1000;

/**
 * Removes cached volumes whose slices are gone or have changed, damaged ones, those of other versions of the code, and
 * temporary files older than an hour that a killed program left. Volumes of every dataset are looked at, so slices on
 * a disk that is not mounted now count as gone.
 */
export async function pruneCache(options: PruneOptions = {}): Promise<PruneResult> {
  const directory = resolve(options.directory ?? volumeCache());
  const hasher = new ContentHasher(`${directory}/${memoFolder}`);
  const removed: { file: string; reason: string; bytes: number }[] = [];
  let kept = 0, seen = 0;
  for await (const file of filesUnder(directory)) {
    options.signal?.throwIfAborted();
    options.onProgress?.(++seen);
    const reason = await reasonToRemove(file, directory, hasher);
    if (reason === undefined) {
      if (file.endsWith(".npy")) kept++;
      continue;
    }
    const bytes = (await Deno.stat(file).catch(() => undefined))?.size ?? 0;
    await Deno.remove(file).catch(() => {}); // another process may have removed it
    removed.push({ file, reason, bytes });
  }
  return { directory, removed, kept, bytesFreed: removed.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function* filesUnder(folder: string): AsyncGenerator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return;
    throw new DataError("cache-unreadable", "the cache folder cannot be read", { file: folder, cause });
  }
  for (const entry of entries) {
    if (entry.isDirectory) yield* filesUnder(`${folder}/${entry.name}`);
    else yield `${folder}/${entry.name}`;
  }
}

async function reasonToRemove(file: string, directory: string, hasher: ContentHasher): Promise<string | undefined> {
  if (file.endsWith(".tmp")) {
    const modified = (await Deno.stat(file).catch(() => undefined))?.mtime?.getTime() ?? Date.now();
    return Date.now() - modified > leftoverMs ? "left by a program that was killed" : undefined;
  }
  if (file.startsWith(`${directory}/${memoFolder}/`)) return await memoIsVain(file) ? "slices are gone" : undefined;
  if (!file.endsWith(".npy")) return undefined;
  try {
    return await volumeIsVain(await readEntry(file), hasher);
  } catch (error) {
    if (error instanceof DataError && error.code === "cache-damaged") return "damaged";
    throw error;
  }
}

async function volumeIsVain({ key, recipe, source, slices }: CacheEntry, hasher: ContentHasher) {
  if (!await fileExists(source)) return "slices are gone";
  const listed = await listSlices(source);
  const isSame = slices.length === 1 || listed.slices.join("/") === slices.join("/");
  if (!isSame) return "slices have changed";
  const scan = { id: "", key: "", split: "", severity: "undefined", folder: source, slices, ignored: 0 } as const;
  try {
    const { hash } = await hasher.contentOf(scan, true);
    return volumeKey(hash, recipe) === key ? undefined : "slices or the program have changed";
  } catch (error) {
    if (error instanceof DataError) return "slices are gone";
    throw error;
  }
}

async function memoIsVain(file: string): Promise<boolean> {
  try {
    return !await fileExists(JSON.parse(await Deno.readTextFile(file)).folder);
  } catch {
    return true;
  }
}
