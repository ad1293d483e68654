/**
 * What a scan's slices contain, as a hash; and a memory of it beside the cache, so that an unchanged folder is not read
 * again. A memo is trusted only while every slice has the name, size, times and inode that it had when it was hashed,
 * and only if no slice was touched within two seconds of the hashing (clocks of file systems are coarse).
 */
import { createHash } from "node:crypto";
import pLimit from "p-limit";
import { Cov3dError, DataError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { readImageBytes } from "./image.ts";
import type { Scan } from "./types.ts";

export interface ScanContent {
  /** SHA-256 over names and bytes of the slices, in order. */
  readonly hash: string;
  /** Bytes of the slices if they had to be read; undefined where one could not be. */
  readonly bytes?: readonly (Uint8Array | undefined)[];
}

interface Memo {
  readonly version: 1;
  readonly folder: string;
  readonly fingerprint: string;
  readonly hash: string;
}

const settleMs = 2000;

/** Hashes scans, remembering in `directory` (created when needed). */
export class ContentHasher {
  readonly #directory: string;
  readonly #memos = new Map<string, Memo>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Hash of the scan as it is on disk now.
   * @param skipUnreadable true: a slice that cannot be opened is hashed as such; false: it is an error.
   * @throws DataError "image-missing" | "image-unreadable"
   */
  async contentOf(scan: Scan, skipUnreadable: boolean, signal?: AbortSignal): Promise<ScanContent> {
    const stamp = fingerprintOf(scan);
    if (stamp !== undefined) {
      const memo = await this.#memoOf(scan);
      if (memo?.fingerprint === stamp.fingerprint) return { hash: memo.hash };
    }
    return await this.readContent(scan, skipUnreadable, signal);
  }

  /** As `contentOf`, but reads the slices whatever the memory says. */
  async readContent(scan: Scan, skipUnreadable: boolean, signal?: AbortSignal): Promise<Required<ScanContent>> {
    const startedAt = Date.now(), stamp = fingerprintOf(scan);
    const { hash, bytes } = await hashSlices(scan, skipUnreadable, signal);
    if (stamp !== undefined && stamp.newest < startedAt - settleMs && bytes.every((slice) => slice !== undefined)) {
      await this.#remember({ version: 1, folder: scan.folder, fingerprint: stamp.fingerprint, hash });
    }
    return { hash, bytes };
  }

  #fileOf(folder: string): string {
    const name = createHash("sha256").update(folder).digest("hex").slice(0, 32);
    return `${this.#directory}/${name.slice(0, 2)}/${name}.json`;
  }

  async #memoOf(scan: Scan): Promise<Memo | undefined> {
    const known = this.#memos.get(scan.folder);
    if (known !== undefined) return known;
    try {
      const memo = JSON.parse(await Deno.readTextFile(this.#fileOf(scan.folder))) as Memo;
      if (memo.version !== 1 || memo.folder !== scan.folder) return undefined;
      this.#memos.set(scan.folder, memo);
      return memo;
    } catch {
      return undefined; // absent or damaged: the folder is hashed again
    }
  }

  async #remember(memo: Memo): Promise<void> {
    const file = this.#fileOf(memo.folder);
    this.#memos.set(memo.folder, memo);
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await writeFileAtomic(file, JSON.stringify(memo));
  }
}

/** Names, sizes, times and inodes of the slices; undefined where a slice is not there. */
function fingerprintOf(scan: Scan): { fingerprint: string; newest: number } | undefined {
  const hash = createHash("sha256");
  let newest = 0;
  try {
    for (const name of scan.slices) {
      // Synchronous: 14 µs a file, against 70 µs for the asynchronous call; a scan has a few hundred.
      const { size, mtime, ctime, ino } = Deno.statSync(`${scan.folder}/${name}`);
      const modified = mtime?.getTime() ?? Date.now(), changed = ctime?.getTime() ?? modified;
      newest = Math.max(newest, modified, changed);
      hash.update(`${name}\0${size}\0${modified}\0${changed}\0${ino ?? ""}\n`);
    }
  } catch {
    return undefined;
  }
  return { fingerprint: hash.digest("hex"), newest };
}

async function hashSlices(scan: Scan, skipUnreadable: boolean, signal?: AbortSignal) {
  const limit = pLimit(navigator.hardwareConcurrency * 2);
  const readOne = async (name: string) => {
    signal?.throwIfAborted();
    try {
      return await readImageBytes(`${scan.folder}/${name}`);
    } catch (error) {
      if (skipUnreadable && error instanceof Cov3dError) return undefined;
      throw error;
    }
  };
  const bytes = await Promise.all(scan.slices.map((name) => limit(readOne, name))).finally(() => limit.clearQueue());
  const hash = createHash("sha256");
  bytes.forEach((slice, i) => {
    hash.update(`${scan.slices[i]}\0${slice === undefined ? "unreadable" : slice.length}\n`);
    if (slice !== undefined) hash.update(slice);
  });
  return { hash: hash.digest("hex"), bytes };
}

/** The `bytesOf` of `loadScan` for slices that are in memory; re-raises for one that could not be read. */
export function bytesFrom(
  scan: Scan,
  bytes: readonly (Uint8Array | undefined)[],
): (index: number) => Promise<Uint8Array> {
  return (index) => {
    const slice = bytes[index];
    if (slice !== undefined) return Promise.resolve(slice);
    const file = `${scan.folder}/${scan.slices[index]}`;
    return Promise.reject(new DataError("image-unreadable", "the file cannot be read", { file }));
  };
}
