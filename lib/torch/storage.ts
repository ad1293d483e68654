/** Storages: the flat byte arrays that tensors are views of. */
import type { TorchDtype } from "./dtypes.ts";

/** One array of bytes of a checkpoint. Its bytes are attached once they have been found and checked. */
export class TorchStorage {
  /** Exactly `byteLength` bytes of the file, or of an inflated entry. */
  bytes: Uint8Array | undefined;
  bigEndian = false;

  constructor(readonly key: string, readonly byteLength: number) {}
}

/** What a persistent id stands for: a storage, or the part of one that a view covers. */
export class StorageView {
  constructor(
    readonly storage: TorchStorage,
    /** "untyped": the tensor brings its own type. */
    readonly dtype: TorchDtype | "untyped",
    readonly byteOffset: number,
    readonly byteLength: number,
  ) {}
}
