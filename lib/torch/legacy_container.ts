/**
 * The container of PyTorch before 1.6: five pickles one after another (magic number, protocol, machine, value, storage
 * keys), then for each key the number of elements (8 bytes) and the elements. Everything is little-endian.
 */
import { AllowList } from "./globals.ts";
import { type PickleEnvironment, readPickle } from "./pickle.ts";
import { isList, kindOf, type PickleValue, plainValue } from "./pickle_values.ts";
import { TensorBuilder } from "./rebuild.ts";
import { quoted, type Source } from "./source.ts";
import { Storages } from "./storages.ts";
import type { TorchCheckpoint } from "./types.ts";

/** The integer that the first pickle of every legacy file holds, as it is written there. */
const magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19] as const;
const magicNumber = 0x1950a86a20f9469cfc6cn;
/** The magic number is within these bytes, whichever pickle protocol wrote it. */
const headBytes = 32;
const protocol = 1001;

/** True for pickles that begin with the magic number, and for those that end before it could be there. */
export function isLegacy(bytes: Uint8Array): boolean {
  if (bytes.length < 2 || bytes[0] !== 0x80) return false;
  const has = (at: number) => magic.every((byte, i) => bytes[at + i] === byte);
  return bytes.length < headBytes || Array.from({ length: headBytes - magic.length }, (_, at) => at).some(has);
}

/** The head, key list and sizes need no names. */
const plainOnly: PickleEnvironment = {
  resolve: () => undefined,
  persistent: (id, fail) => fail("torch.persistent-id", "a storage is named where none can be", { found: kindOf(id) }),
};

export function readLegacy(source: Source, maxBytes: number): TorchCheckpoint {
  let position = 0;
  const next = (environment: PickleEnvironment): PickleValue => {
    const [value, end] = readPickle(source, position, environment);
    position = end;
    return value;
  };
  const first = next(plainOnly);
  if (first !== magicNumber) {
    throw source.error("torch.container", "this pickle is not a PyTorch checkpoint", 0, {
      expected: "PyTorch's magic number",
      found: kindOf(first),
    });
  }
  const version = next(plainOnly);
  if (version !== protocol) {
    throw source.error("torch.legacy-protocol", "unknown version of the legacy container", position, {
      expected: `${protocol}`,
      found: kindOf(version),
    });
  }
  next(plainOnly); // the machine that wrote it: its sizes of C types do not matter here
  const allowed = new AllowList(new TensorBuilder(maxBytes));
  const storages = new Storages(() => {}, maxBytes, source.bytes.length);
  const value = next({
    resolve: (name, fail) => allowed.resolve(name, fail),
    persistent: (id, fail) => storages.persistent(id, fail),
  });
  const plain = plainValue(value, source, position);
  const keys = next(plainOnly);
  attachStorages(source, position, keys, storages);
  return { container: "legacy", value: plain, globals: [...allowed.seen] };
}

/** Gives each storage its bytes; the file has to hold each of them once, whole, and nothing else. */
function attachStorages(source: Source, start: number, keys: PickleValue, storages: Storages): void {
  const wanted = new Map(storages.byKey);
  let at = start;
  if (!isList(keys)) {
    throw source.error("torch.legacy-keys", "the list of storages is no list", start, { found: kindOf(keys) });
  }
  for (const key of keys) {
    const entry = typeof key === "string" ? wanted.get(key) : undefined;
    if (entry === undefined) {
      throw source.error("torch.legacy-keys", "the list of storages names one that is unknown or came before", at, {
        found: kindOf(key),
      });
    }
    wanted.delete(key as string);
    entry.storage.bytes = storageBytes(source, at, entry.storage.key, entry.storage.byteLength, entry.width);
    at += 8 + entry.storage.byteLength;
  }
  const [missing] = wanted.keys();
  if (missing !== undefined) {
    throw source.error("torch.storage-missing", "a storage is not in the file", at, {
      expected: `storage ${quoted(missing)}`,
    });
  }
  if (at !== source.bytes.length) {
    throw source.error("torch.trailing-bytes", "the file goes on after its last storage", at, {
      expected: `${at} bytes`,
      found: `${source.bytes.length} bytes`,
    });
  }
}

function storageBytes(source: Source, at: number, key: string, byteLength: number, width: number): Uint8Array {
  const { bytes } = source, left = bytes.length - at;
  if (left < 8 + byteLength) {
    throw source.error("torch.storage-truncated", "the file ends inside a storage", at, {
      expected: `${8 + byteLength} bytes for storage ${quoted(key)}`,
      found: `${left} bytes`,
    });
  }
  const elements = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigInt64(0, true);
  if (elements * BigInt(width) !== BigInt(byteLength)) {
    throw source.error("torch.storage-size", "a storage has another size than the pickle says", at, {
      expected: `${byteLength / width} elements in storage ${quoted(key)}`,
      found: `${elements}`,
    });
  }
  return bytes.subarray(at + 8, at + 8 + byteLength);
}
