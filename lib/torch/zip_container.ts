/**
 * The container of PyTorch 1.6 and later: a zip archive with everything in one folder: data.pkl, byteorder, version and
 * one entry data/<key> per storage.
 */
import { AllowList } from "./globals.ts";
import { limits } from "./limits.ts";
import { readPickle } from "./pickle.ts";
import { type Fail, plainValue } from "./pickle_values.ts";
import { TensorBuilder } from "./rebuild.ts";
import { quoted, resaveHint, type Source } from "./source.ts";
import type { TorchStorage } from "./storage.ts";
import { Storages } from "./storages.ts";
import type { TorchCheckpoint } from "./types.ts";
import { readZipDirectory, type ZipEntry } from "./zip_directory.ts";
import { readZipEntry } from "./zip_entry.ts";

type Entries = ReadonlyMap<string, ZipEntry>;

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && [0x50, 0x4b, 3, 4].every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

export function readZip(archive: Source, maxBytes: number): TorchCheckpoint {
  const entries = readZipDirectory(archive, maxBytes), root = findRoot(archive, entries);
  assertVersion(archive, entries, root);
  const bigEndian = isBigEndian(archive, entries, root);
  const allowed = new AllowList(new TensorBuilder(maxBytes));
  const open = (storage: TorchStorage, fail: Fail) => {
    storage.bigEndian = bigEndian;
    storage.bytes = storageBytes(archive, entries.get(`${root}data/${storage.key}`), storage, fail);
  };
  const storages = new Storages(open, maxBytes);
  const pickle = small(archive, entries.get(`${root}data.pkl`)!, limits.pickleBytes);
  const [value, end] = readPickle(pickle, 0, {
    resolve: (name, fail) => allowed.resolve(name, fail),
    persistent: (id, fail) => storages.persistent(id, fail),
  });
  if (end !== pickle.bytes.length) {
    throw pickle.error("torch.trailing-bytes", "the pickle goes on after its end", end);
  }
  return { container: "zip", value: plainValue(value, pickle, end), globals: [...allowed.seen] };
}

/** "archive/", the folder that holds data.pkl. */
function findRoot(archive: Source, entries: Entries): string {
  const roots = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  const names = [...entries.keys()];
  if (names.some((name) => /^[^/]*\/(constants\.pkl|code\/)/.test(name))) {
    throw archive.error("torch.torchscript-refused", "this is a TorchScript archive: it holds a program", 0, {
      expected: "a checkpoint of torch.save",
      hint: "Save the weights in Python: torch.save(torch.jit.load(FILE).state_dict(), NEW)",
    });
  }
  if (roots.length === 1) return roots[0]!.slice(0, -"data.pkl".length);
  throw archive.error("torch.container", "this archive is not a PyTorch checkpoint", 0, {
    expected: "one entry FOLDER/data.pkl",
    found: roots.length > 1
      ? roots.map(quoted).slice(0, 4).join(", ")
      : names.slice(0, 6).map(quoted).join(", ") || "nothing",
    hint: resaveHint,
  });
}

/** Entries that have to be small are refused before they are inflated. */
function small(archive: Source, entry: ZipEntry, most: number): Source {
  if (entry.size <= most) return readZipEntry(archive, entry);
  throw archive.error("torch.pickle-limit", `${quoted(entry.name)} is too long`, entry.header, {
    expected: `at most ${most} bytes`,
    found: `${entry.size} bytes`,
  });
}

function record(archive: Source, entries: Entries, name: string): string | undefined {
  const entry = entries.get(name);
  return entry === undefined ? undefined : new TextDecoder().decode(small(archive, entry, 64).bytes).trim();
}

/** torch's own readers take 1 to 10. */
function assertVersion(archive: Source, entries: Entries, root: string): void {
  const version = record(archive, entries, `${root}version`);
  if (version === undefined || (/^\d+$/.test(version) && Number(version) >= 1 && Number(version) <= 10)) return;
  throw archive.error("torch.zip-version", "unknown version of PyTorch's container", 0, {
    expected: "1 to 10",
    found: quoted(version),
  });
}

/** Files without the record are little-endian. */
function isBigEndian(archive: Source, entries: Entries, root: string): boolean {
  const order = record(archive, entries, `${root}byteorder`) ?? "little";
  if (order === "little" || order === "big") return order === "big";
  throw archive.error("torch.byteorder", "unknown order of bytes", 0, {
    expected: "little or big",
    found: quoted(order),
  });
}

function storageBytes(archive: Source, entry: ZipEntry | undefined, storage: TorchStorage, fail: Fail): Uint8Array {
  if (entry === undefined) {
    return fail("torch.storage-missing", "a storage is not in the archive", {
      found: `storage ${quoted(storage.key)}`,
    });
  }
  if (entry.size !== storage.byteLength) {
    return fail("torch.storage-size", "a storage has another size than the pickle says", {
      expected: `${storage.byteLength} bytes in ${quoted(entry.name)}`,
      found: `${entry.size} bytes`,
    });
  }
  return readZipEntry(archive, entry).bytes;
}
