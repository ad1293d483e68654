/** Storages by key, as the persistent ids of a checkpoint name them. */
import { bytesPerElement, type TorchDtype } from "./dtypes.ts";
import { AllowedGlobal, type Fail, isList, kindOf, type PickleValue } from "./pickle_values.ts";
import { StorageView, TorchStorage } from "./storage.ts";

/** Finds the bytes of a storage that is met for the first time, or leaves that for later. */
export type OpenStorage = (storage: TorchStorage, fail: Fail) => void;

export class Storages {
  readonly byKey = new Map<string, { readonly storage: TorchStorage; readonly width: number }>();
  #bytes = 0;

  /** `fileBytes`: of a file that holds its storages as they are, so that larger ones show that it is not whole. */
  constructor(
    private readonly open: OpenStorage,
    private readonly maxBytes: number,
    private readonly fileBytes = Infinity,
  ) {}

  /** `("storage", type, key, location, elements)`, in old files with a sixth item `(view key, offset, elements)`. */
  persistent(id: PickleValue, fail: Fail): StorageView {
    if (!isList(id) || id[0] !== "storage" || (id.length !== 5 && id.length !== 6)) {
      const found = isList(id) ? id.slice(0, 6).map(kindOf).join(", ") : kindOf(id);
      return fail("torch.persistent-id", "the pickle refers to something that is no storage", { found });
    }
    const [, type, key, location, elements, view = null] = id;
    if (!(type instanceof AllowedGlobal) || !("storage" in type.meaning)) {
      return fail("torch.persistent-id", "a storage has no storage class", { found: kindOf(type) });
    }
    if (typeof key !== "string" || key.length > 256 || typeof location !== "string") {
      return fail("torch.persistent-id", "key or location of a storage is not text", { found: kindOf(key) });
    }
    const { storage: dtype } = type.meaning, width = dtype === "untyped" ? 1 : bytesPerElement(dtype);
    const storage = this.#storage(key, count(elements, fail) * width, width, fail);
    return view === null
      ? new StorageView(storage, dtype, 0, storage.byteLength)
      : viewOf(storage, dtype, width, view, fail);
  }

  #storage(key: string, byteLength: number, width: number, fail: Fail): TorchStorage {
    const known = this.byKey.get(key)?.storage;
    if (known !== undefined) {
      if (known.byteLength === byteLength) return known;
      return fail("torch.storage-conflict", "one storage is described in two ways", {
        expected: `${known.byteLength} bytes`,
        found: `${byteLength} bytes for storage ${kindOf(key)}`,
      });
    }
    this.#bytes += byteLength;
    if (this.#bytes > this.fileBytes && this.#bytes <= this.maxBytes) {
      fail("torch.storage-size", "the storages are larger than the file", {
        expected: `at most ${this.fileBytes} bytes`,
        hint: "The file is cut short or was altered: fetch or copy it again",
      });
    }
    if (this.#bytes > this.maxBytes) {
      fail("torch.storage-size", "the storages are larger than allowed", {
        expected: `at most ${this.maxBytes} bytes`,
      });
    }
    const storage = new TorchStorage(key, byteLength);
    this.open(storage, fail);
    this.byKey.set(key, { storage, width });
    return storage;
  }
}

/** A part of a storage, as files before PyTorch 0.4 name it. Offset and length are in elements. */
function viewOf(
  storage: TorchStorage,
  dtype: TorchDtype | "untyped",
  width: number,
  view: PickleValue,
  fail: Fail,
): StorageView {
  if (!isList(view) || view.length !== 3) {
    return fail("torch.persistent-id", "a view of a storage is not (key, offset, elements)", { found: kindOf(view) });
  }
  const offset = count(view[1], fail) * width, length = count(view[2], fail) * width;
  if (offset + length > storage.byteLength) {
    fail("torch.storage-view", "a view reaches beyond its storage", {
      expected: `at most ${storage.byteLength} bytes`,
      found: `${length} bytes from ${offset}`,
    });
  }
  return new StorageView(storage, dtype, offset, length);
}

function count(value: PickleValue | undefined, fail: Fail): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  return fail("torch.storage-size", "a storage's size is not a whole number from 0 up", { found: kindOf(value) });
}
