/** Preprocessed volumes on disk, found by what the slices contain and how they were processed. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { DataError } from "../errors.ts";
import { fileExists, writeFileAtomic } from "../files.ts";
import { volumeCache } from "../paths.ts";
import { type CacheEntry, decodeVolume, encodeVolume, readEntry } from "./cache_file.ts";
import { type LungCrop, lungCropVersion } from "./lung_crop/crop.ts";
import { bytesFrom, ContentHasher, type ScanContent } from "./content_hash.ts";
import { emptyScan, type LoadedVolume, loadScan } from "./read.ts";
import { formatRecipe, type Recipe } from "./size.ts";
import { type StoredVoxels, storedVoxels, unitVoxels } from "./stored_voxels.ts";
import type { Scan } from "./types.ts";

/** Raised whenever the same slices and recipe would give other voxels than before; part of every key. */
export const preprocessingVersion = 1;

export interface OpenCacheOptions {
  readonly recipe: Recipe;
  /** Default: the user's cache folder of the platform, e.g. ~/.cache/cov3d/volumes; COV3D_CACHE moves it. */
  readonly directory?: string;
  /** As in `loadScan`. A volume that was made with slices left out is only accepted where this is true. */
  readonly skipUnreadable?: boolean;
  /** Told about a cached volume that turned out damaged, before it is made again. */
  readonly onDamaged?: (error: DataError) => void;
}

export interface VolumeCache {
  readonly directory: string;
  readonly recipe: Recipe;
  /**
   * The scan's volume, [D, H, W] in units of grey / 255: read and verified, or else computed and stored. The same
   * voxels as `loadScan` gives; every call returns a buffer of its own.
   * @throws DataError as `loadScan`; "cache-skipped" where a stored volume lacks slices and `skipUnreadable` is off
   */
  get(scan: Scan, options?: { signal?: AbortSignal }): Promise<LoadedVolume>;
  /**
   * As `get`, but the voxels as the file holds them, and made for reading the same scans again and again: the slices
   * are looked at and the file is checked once, and again only if the file has changed. So whoever trains goes on with
   * the volumes that the training began with.
   */
  stored(scan: Scan): Promise<StoredVoxels>;
  /**
   * Makes the scan's volume unless its file is there; with `verify` that file is read and, if damaged, made again.
   * @throws DataError as `get`
   */
  ensure(scan: Scan, options?: EnsureOptions): Promise<Ensured>;
  /** Is there a file for the scan as its slices are now? (It is verified when it is read.) */
  has(scan: Scan): Promise<boolean>;
  /** Where the volume of the scan is or would be. */
  pathOf(scan: Scan): Promise<string>;
}

export interface EnsureOptions {
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
}

export interface Ensured {
  readonly state: "made" | "ready" | "repaired";
  /** Slices that the volume lacks; not known (empty) for a ready file that was not verified. */
  readonly skipped: LoadedVolume["skipped"];
  /** What was cut out, where the recipe crops. */
  readonly crop?: LungCrop;
}

/** Opens (and creates) a cache; any number of processes may use one at the same time. */
export async function openCache(options: OpenCacheOptions): Promise<VolumeCache> {
  const directory = resolve(options.directory ?? volumeCache());
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (cause) {
    throw new DataError("cache-directory", "the cache folder cannot be made", { file: directory, cause });
  }
  return new DiskCache(directory, options);
}

/** Key of a volume: code version, recipe and content of the source. */
export function volumeKey(contentHash: string, recipe: Recipe): string {
  const { size: { depth, height, width }, dtype, distortion, crop } = recipe;
  const parts: unknown[] = [preprocessingVersion, contentHash, depth, height, width, dtype, distortion];
  if (crop === "lung") parts.push(crop, lungCropVersion);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 40);
}

/** `<directory>/<recipe>/<2 digits>/<key>.npy` */
export function volumePath(directory: string, recipe: Recipe, key: string): string {
  return `${directory}/${formatRecipe(recipe)}/${key.slice(0, 2)}/${key}.npy`;
}

/** Folder of the content memos inside a cache folder. */
export const memoFolder = "content";

class DiskCache implements VolumeCache {
  readonly recipe: Recipe;
  readonly #options: OpenCacheOptions;
  readonly #hasher: ContentHasher;
  /** Files that `stored` has checked, by scan folder and slices. */
  readonly #checked = new Map<string, CheckedFile>();

  constructor(readonly directory: string, options: OpenCacheOptions) {
    this.recipe = options.recipe;
    this.#options = options;
    this.#hasher = new ContentHasher(`${directory}/${memoFolder}`);
  }

  async has(scan: Scan): Promise<boolean> {
    return scan.slices.length > 0 && await fileExists(await this.pathOf(scan));
  }

  async pathOf(scan: Scan): Promise<string> {
    return this.#place((await this.#contentOf(scan)).hash).path;
  }

  async get(scan: Scan, { signal }: { signal?: AbortSignal } = {}): Promise<LoadedVolume> {
    if (scan.slices.length === 0) throw emptyScan(scan);
    const content = await this.#contentOf(scan, signal);
    return await this.#volumeAt(content.hash, scan) ?? await this.#make(scan, content, signal);
  }

  async stored(scan: Scan): Promise<StoredVoxels> {
    if (scan.slices.length === 0) throw emptyScan(scan);
    const known = this.#checked.get(scan.key);
    if (known?.folder === scan.folder) {
      const file = await readUnchanged(known);
      if (file !== undefined) return file;
    }
    const content = await this.#contentOf(scan), { path } = this.#place(content.hash);
    const before = await identityOf(path), found = await this.#read(content.hash);
    if (found === undefined) return storedVoxels((await this.#make(scan, content)).voxels, this.recipe.dtype);
    if (before !== undefined) this.#checked.set(scan.key, { folder: scan.folder, path, identity: before });
    return found.stored;
  }

  async ensure(scan: Scan, { verify = false, signal }: EnsureOptions = {}): Promise<Ensured> {
    if (scan.slices.length === 0) throw emptyScan(scan);
    const content = await this.#contentOf(scan, signal), { path } = this.#place(content.hash);
    const exists = await fileExists(path);
    if (exists && !verify) return { state: "ready", skipped: [], ...await this.#recordedCrop(path) };
    const found = exists ? await this.#volumeAt(content.hash, scan) : undefined;
    if (found !== undefined) return { state: "ready", skipped: found.skipped, ...cropOf(found) };
    const made = await this.#make(scan, content, signal);
    return { state: exists ? "repaired" : "made", skipped: made.skipped, ...cropOf(made) };
  }

  /** From the file's footer; nothing where the file turns out damaged, which is found when it is read. */
  async #recordedCrop(path: string): Promise<CropNote> {
    if (this.recipe.crop === "none") return {};
    try {
      return cropOf(await readEntry(path));
    } catch (error) {
      if (error instanceof DataError) return {};
      throw error;
    }
  }

  #contentOf(scan: Scan, signal?: AbortSignal): Promise<ScanContent> {
    return this.#hasher.contentOf(scan, this.#options.skipUnreadable ?? false, signal);
  }

  #place(contentHash: string): { key: string; path: string } {
    const key = volumeKey(contentHash, this.recipe);
    return { key, path: volumePath(this.directory, this.recipe, key) };
  }

  async #volumeAt(contentHash: string, scan: Scan): Promise<LoadedVolume | undefined> {
    const found = await this.#read(contentHash);
    if (found === undefined) return undefined;
    const { stored, entry } = found, { depth, height, width } = this.recipe.size, { skipped } = entry;
    const voxels = unitVoxels(stored, new Float32Array(stored.length));
    return { voxels, shape: [depth, height, width], intensity: "unit", source: scan.folder, skipped, ...cropOf(entry) };
  }

  /** The file's voxels and footer; undefined where there is none, or a damaged one. */
  async #read(contentHash: string): Promise<ReturnType<typeof decodeVolume> | undefined> {
    const { key, path } = this.#place(contentHash);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await Deno.readFile(path);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw new DataError("cache-unreadable", "the cached volume cannot be read", { file: path, cause });
    }
    try {
      const found = decodeVolume(bytes, path);
      if (found.entry.key !== key) {
        throw new DataError("cache-damaged", "the cached volume is of another scan", { file: path });
      }
      this.#checkSkipped(found.entry, path);
      return found;
    } catch (error) {
      if (!(error instanceof DataError) || error.code !== "cache-damaged") throw error;
      this.#options.onDamaged?.(error);
      return undefined;
    }
  }

  async #make(scan: Scan, content: ScanContent, signal?: AbortSignal): Promise<LoadedVolume> {
    const { skipUnreadable = false } = this.#options;
    // Hash and voxels must come from the same bytes, also when a slice is replaced just now.
    const { hash, bytes = [] } = content.bytes === undefined
      ? await this.#hasher.readContent(scan, skipUnreadable, signal)
      : content;
    const { key, path } = this.#place(hash);
    const volume = await loadScan(scan, this.recipe, {
      skipUnreadable,
      ...(signal === undefined ? {} : { signal }),
      bytesOf: bytesFrom(scan, bytes),
    });
    const { recipe } = this, { folder: source, slices } = scan, { skipped } = volume;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await writeFileAtomic(
      path,
      encodeVolume(volume.voxels, { key, recipe, source, slices, skipped, ...cropOf(volume) }),
    );
    return volume;
  }

  #checkSkipped({ skipped }: CacheEntry, file: string): void {
    if (skipped.length === 0 || this.#options.skipUnreadable) return;
    throw new DataError("cache-skipped", `the volume was made without ${skipped.length} unreadable slices`, {
      file,
      found: skipped[0]!.reason,
      hint: "Repair the slices, or allow them to be skipped again",
    });
  }
}

interface CheckedFile {
  readonly folder: string;
  readonly path: string;
  readonly identity: string;
}

/** Changes whenever the file is replaced or written to; undefined where it is not there. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { size, mtime, ctime, ino } = await Deno.stat(path);
    return [size, mtime?.getTime(), ctime?.getTime(), ino].join();
  } catch {
    return undefined;
  }
}

/** The voxels of a file that is still the one that was checked. */
async function readUnchanged({ path, identity }: CheckedFile): Promise<StoredVoxels | undefined> {
  try {
    const bytes = await Deno.readFile(path);
    return await identityOf(path) === identity ? decodeVolume(bytes, path, { sum: false }).stored : undefined;
  } catch {
    return undefined; // gone or damaged: it is made again
  }
}

type CropNote = { readonly crop?: LungCrop };

function cropOf({ crop }: CropNote): CropNote {
  return crop === undefined ? {} : { crop };
}
