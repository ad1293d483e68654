/**
 * Puts batches together: each stored volume is converted to float32 right in its place of the batch's buffer, augmented
 * and blended there. Volumes stay in memory as they are stored as long as they fit, so that most are read from disk once.
 */
import { ConfigError } from "../errors.ts";
import { augmentInPlace } from "./augment.ts";
import type { BatchItem } from "./epoch_plan.ts";
import { mixVoxels } from "./mixup.ts";
import { type StoredVoxels, unitVoxels } from "./stored_voxels.ts";
import type { Scan, VolumeSize } from "./types.ts";

/** Most that is kept where memory is not short. */
export const keptVolumesBytes = 2 ** 30;

export interface BatchAssemblyOptions {
  /** The scan's voxels as they are stored; not changed here. */
  readonly read: (scan: Scan) => Promise<StoredVoxels>;
  readonly size: VolumeSize;
  /** Volumes are kept in memory up to so many bytes (default 1 GiB). */
  readonly keepBytes?: number;
}

/** A batch's item with its scan. */
export interface BatchPart extends Omit<BatchItem, "scan"> {
  readonly scan: Scan;
}

export class BatchAssembly {
  readonly #read: BatchAssemblyOptions["read"];
  readonly #size: VolumeSize;
  readonly #kept = new Map<string, StoredVoxels>();
  #freeBytes: number;

  constructor({ read, size, keepBytes = keptVolumesBytes }: BatchAssemblyOptions) {
    this.#read = read;
    this.#size = size;
    this.#freeBytes = keepBytes;
  }

  /**
   * float32 [N, D, H, W] in units of grey / 255, in a buffer of its own.
   * @throws ConfigError "loader.size"; those of reading
   */
  async assemble(parts: readonly BatchPart[]): Promise<Float32Array<ArrayBuffer>> {
    const { depth, height, width } = this.#size, each = depth * height * width;
    const batch = new Float32Array(parts.length * each);
    for (const [i, { scan, augmentation }] of parts.entries()) {
      const stored = await this.#stored(scan);
      if (stored.length !== each) throw this.#wrongSize(scan, stored);
      const place = batch.subarray(i * each, (i + 1) * each);
      unitVoxels(stored, place);
      augmentInPlace(place, width, augmentation);
    }
    const mixes = parts.map(({ mix }) => mix);
    return mixes.some((mix) => mix !== undefined) ? mixVoxels(batch, each, mixes) : batch;
  }

  async #stored(scan: Scan): Promise<StoredVoxels> {
    const kept = this.#kept.get(scan.key);
    if (kept !== undefined) return kept;
    const stored = await this.#read(scan);
    if (stored.byteLength <= this.#freeBytes) {
      this.#freeBytes -= stored.byteLength;
      this.#kept.set(scan.key, stored);
    }
    return stored;
  }

  #wrongSize({ folder }: Scan, stored: StoredVoxels): ConfigError {
    const { depth, height, width } = this.#size;
    return new ConfigError("loader.size", `a volume does not have the size of this run`, {
      file: folder,
      expected: `${depth}×${height}×${width} = ${depth * height * width} voxels`,
      found: `${stored.length}`,
    });
  }
}
