/**
 * What the scan folders of a dataset hold, remembered between runs, so that a large dataset is not listed again: of
 * 500,000 slices only the 2,500 folders are looked at. A folder is taken from memory only while its times, inode, size and
 * number of links are what they were when it was listed: adding, removing and renaming an entry changes them on every
 * file system that is used here. What a slice contains is no part of a listing. (Windows: nothing is remembered, because
 * not all of its file systems keep times of folders.)
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileExists, makeFolder, writeFileAtomic } from "../files.ts";
import { cacheRoot } from "../paths.ts";
import { listFolder } from "./folder.ts";
import { sliceOrder } from "./slices.ts";
import type { Scan } from "./types.ts";

/** What a listing says of one scan folder. */
export type ScanEntries = Pick<Scan, "slices" | "ignored">;

/** Slices of a scan folder in order, and how many entries are not slices. @throws as `listFolder` */
export async function listSlices(folder: string): Promise<ScanEntries> {
  const { slices, ignored } = await look(folder);
  return { slices, ignored };
}

async function look(folder: string): Promise<ScanEntries & { followed: number }> {
  const { files, folders, followed } = await listFolder(folder);
  const slices = sliceOrder(files);
  return { slices, ignored: files.length + folders.length - slices.length, followed };
}

interface Remembered extends ScanEntries {
  readonly stamp: string;
}

interface Content {
  /** Raised whenever the same folder would be listed otherwise. */
  readonly version: 1;
  readonly root: string;
  readonly folders: Readonly<Record<string, Remembered>>;
}

/** Times of file systems are coarse (FAT: 2 s): a folder that was touched later than this before is listed again. */
const settleMs = 5000;
/** Smaller datasets are listed faster than their listing would be worth keeping. */
const worthKeeping = 10_000;

export interface ListingMemoryOptions {
  /** The dataset's folder. */
  readonly root: string;
  /** Where listings are kept (default: `listings` in the user's cache folder, for 10,000 slices or more). */
  readonly directory?: string;
}

export class ListingMemory {
  readonly #root: string;
  readonly #file: string;
  readonly #minimum: number;
  readonly #before: Readonly<Record<string, Remembered>>;
  readonly #now: Record<string, Remembered> = {};
  /** Folders that are remembered now and were not, or otherwise. */
  #added = 0;
  #slices = 0;

  private constructor({ root, directory }: ListingMemoryOptions, before: Content["folders"]) {
    this.#root = root;
    this.#file = fileFor(root, directory);
    this.#minimum = directory === undefined ? worthKeeping : 0;
    this.#before = before;
  }

  /** What was remembered last time; nothing where there is no memory, or a damaged one. */
  static async open(options: ListingMemoryOptions): Promise<ListingMemory> {
    return new ListingMemory(options, await readContent(fileFor(options.root, options.directory), options.root));
  }

  /** As the function `listSlices`. */
  async listSlices(folder: string): Promise<ScanEntries> {
    const name = folder.slice(this.#root.length), stamp = stampOf(folder), known = this.#before[name];
    const found = known !== undefined && known.stamp === stamp?.text ? known : await this.#list(folder, name, stamp);
    this.#slices += found.slices.length;
    if (found === known) this.#now[name] = known;
    return { slices: found.slices, ignored: found.ignored };
  }

  /** Keeps what was listed for next time; silently not, where the cache folder cannot be written to. */
  async save(): Promise<void> {
    const same = this.#added === 0 && Object.keys(this.#now).length === Object.keys(this.#before).length;
    if (same || this.#slices < this.#minimum || Deno.build.os === "windows") return;
    const content: Content = { version: 1, root: this.#root, folders: this.#now };
    const json = JSON.stringify(content);
    try {
      await makeFolder(this.#file.slice(0, this.#file.lastIndexOf("/")));
      await writeFileAtomic(this.#file, `${sumOf(json)}\n${json}`);
    } catch {
      // a listing can always be made again
    }
  }

  async #list(folder: string, name: string, stamp: Stamp | undefined): Promise<ScanEntries> {
    const askedAt = Date.now(), { slices, ignored, followed } = await look(folder);
    const settled = stamp !== undefined && stamp.newest < askedAt - settleMs;
    if (settled && followed === 0) {
      this.#now[name] = { stamp: stamp.text, slices, ignored };
      this.#added++;
    }
    return { slices, ignored };
  }
}

interface Stamp {
  readonly text: string;
  readonly newest: number;
}

/** Taken before the folder is listed, so that a change in between shows next time. */
function stampOf(folder: string): Stamp | undefined {
  try {
    // Synchronous: 14 µs a folder, against 70 µs for the asynchronous call.
    const { mtime, ctime, ino, dev, size, nlink } = Deno.statSync(folder);
    if (mtime === null) return undefined;
    const changed = ctime ?? mtime;
    return {
      text: [mtime.getTime(), changed.getTime(), ino, dev, size, nlink].join(),
      newest: Math.max(mtime.getTime(), changed.getTime()),
    };
  } catch {
    return undefined; // listing it says what is wrong
  }
}

function fileFor(root: string, directory = join(cacheRoot(), "listings")): string {
  return join(directory, `${sumOf(root).slice(0, 32)}.json`);
}

async function readContent(file: string, root: string): Promise<Content["folders"]> {
  if (!(await fileExists(file).catch(() => false))) return {};
  try {
    const text = await Deno.readTextFile(file), end = text.indexOf("\n"), json = text.slice(end + 1);
    if (sumOf(json) !== text.slice(0, end)) return {};
    const content = JSON.parse(json) as Content;
    return content.version === 1 && content.root === root ? content.folders : {};
  } catch {
    return {}; // unreadable: everything is listed again
  }
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
