/** Files made to harm: each has to be refused with a code of its own kind, fast, and by a message that says where. */
import { describe, expect, test } from "vitest";
import { DataError } from "../../lib/errors.ts";
import { decodeTorchCheckpoint, findStateDict } from "../../lib/torch/mod.ts";
import * as a from "./support/assembler.ts";
import { cpuSeconds } from "./support/cpu.ts";

const good = a.pickle(a.dict(["w", a.tensor()]));
const withTensor = (parts: a.TensorParts) => a.zip(a.pickle(a.dict(["w", a.tensor(parts)])));
const withStorage = (parts: a.StorageParts) => withTensor({ storage: a.storage(parts) });
const repeat = (count: number, ...parts: a.Bytes[]): a.Bytes =>
  Array.from({ length: count }, () => parts.flat()).flat();
const [head, place] = a.entriesOf(good) as [a.EntryParts, a.EntryParts];

/** Each list holds the one before it twice: 2³⁰ values from 30. */
const laughs = [
  ...a.emptyList,
  ...a.put(0),
  ...Array.from(
    { length: 30 },
    (_, i) => [...a.emptyList, ...a.mark, ...a.get(i), ...a.get(i), ...a.appends, ...a.put(i + 1)],
  )
    .flat(),
];

/** The seventh argument of _rebuild_tensor_v2, {"neg": flag}. */
const withFlags = (flag: a.Bytes) =>
  a.zip(a.pickle(a.dict([
    "w",
    a.call(
      "torch._utils",
      "_rebuild_tensor_v2",
      a.storage(),
      a.int(0),
      ...[[2, 2], [2, 1]].map((sizes) => a.tupleOf(...sizes.map(a.int))),
      a.no,
      a.orderedDict,
      a.dict(["neg", flag]),
    ),
  ])));

type Case = [name: string, code: string, bytes: Uint8Array];

const programs: Case[] = [
  ["os.system", "torch.global-refused", a.zip(a.pickle(a.call("posix", "system", a.text("true"))))],
  ["builtins.eval", "torch.global-refused", a.zip(a.pickle(a.call("builtins", "eval", a.text("1"))))],
  ["builtins.getattr", "torch.global-refused", a.zip(a.pickle(a.global("builtins", "getattr")))],
  ["subprocess.Popen in a legacy file", "torch.global-refused", a.legacy(a.pickle(a.global("subprocess", "Popen")))],
  ["a dotted name inside torch", "torch.global-refused", a.zip(a.pickle(a.global("torch", "serialization.os.system")))],
  ["torch.load itself", "torch.global-refused", a.zip(a.pickle(a.global("torch", "load")))],
  ["a name of JavaScript's objects", "torch.global-refused", a.zip(a.pickle(a.global("constructor", "__proto__")))],
  ["STACK_GLOBAL", "torch.global-refused", a.zip(a.pickle(a.text("os"), a.text("system"), [0x93]))],
  ["a global in the head of a legacy file", "torch.global-refused", a.legacy(good, { keys: a.global("os", "getcwd") })],
  ["REDUCE of a text", "torch.call-refused", a.zip(a.pickle(a.text("eval"), a.emptyTuple, a.reduce))],
  ["REDUCE of a storage class", "torch.call-refused", a.zip(a.pickle(a.call("torch", "FloatStorage", a.int(9))))],
  ["OrderedDict of a number", "torch.call-refused", a.zip(a.pickle(a.call("collections", "OrderedDict", a.int(9))))],
  [
    "_codecs.encode to another codec",
    "torch.call-refused",
    a.zip(a.pickle(a.call("_codecs", "encode", a.text("x"), a.text("zip")))),
  ],
  ["NEWOBJ", "torch.opcode-refused", a.zip(a.pickle(a.global("collections", "OrderedDict"), a.emptyTuple, [0x81]))],
  ["INST", "torch.opcode-refused", a.zip(a.pickle(a.mark, [0x69, 0x6f, 0x73, 0x0a, 0x61, 0x0a]))],
  ["OBJ", "torch.opcode-refused", a.zip(a.pickle(a.mark, [0x6f]))],
  ["EXT1", "torch.opcode-refused", a.zip(a.pickle([0x82, 1]))],
  ["a byte that is no opcode", "torch.opcode-refused", a.zip(a.pickle([0xff]))],
  ["BUILD of a tensor", "torch.build-refused", a.zip(a.pickle(a.tensor(), a.emptyDict, a.build))],
  [
    "BUILD with a tuple of slots",
    "torch.build-refused",
    a.zip(a.pickle(a.orderedDict, a.tupleOf(a.none, a.emptyDict), a.build)),
  ],
  ["a class as a value", "torch.value-refused", a.zip(a.pickle(a.dict(["c", a.global("torch", "FloatStorage")])))],
  ["a bare storage as a value", "torch.value-refused", a.zip(a.pickle(a.dict(["s", a.storage()])))],
  [
    "source code as persistent id",
    "torch.persistent-id",
    a.legacy(a.pickle(a.tupleOf(a.text("module"), a.text("os"), a.text("x.py"), a.text("import os")), a.persistentId)),
  ],
];

const machine: Case[] = [
  ["an empty stack", "torch.pickle-stack", a.zip(a.pickle(a.append))],
  ["two values at the end", "torch.pickle-stack", a.zip(a.pickle(a.none, a.none))],
  ["a mark that is missing", "torch.pickle-stack", a.zip(a.pickle(a.none, a.tuple))],
  ["a pop below the mark", "torch.pickle-stack", a.zip(a.pickle(a.emptyList, a.mark, a.append))],
  ["a key without a value", "torch.pickle-stack", a.zip(a.pickle(a.emptyDict, a.mark, a.text("k"), a.setItems))],
  ["items of a number", "torch.pickle-stack", a.zip(a.pickle(a.int(1), a.mark, a.none, a.none, a.setItems))],
  ["appending to a tuple", "torch.pickle-stack", a.zip(a.pickle(a.emptyTuple, a.none, a.append))],
  ["recalling what is not there", "torch.pickle-memo", a.zip(a.pickle(a.get(7)))],
  ["a memo index of 4 billion", "torch.pickle-limit", a.zip(a.pickle(a.none, [0x72, 255, 255, 255, 255]))],
  ["no protocol", "torch.pickle-protocol", a.zip([...a.none, ...a.stop])],
  ["protocol 200", "torch.pickle-protocol", a.zip([0x80, 200, ...a.stop])],
  ["a list as a key", "torch.key", a.zip(a.pickle(a.emptyDict, a.emptyList, a.none, a.setItem))],
  ["a key that comes twice", "torch.key-duplicate", a.zip(a.pickle(a.dict(["w", a.tensor()], ["w", a.tensor()])))],
  ["a list that holds itself", "torch.pickle-cycle", a.zip(a.pickle(a.emptyList, a.put(0), a.get(0), a.append))],
  [
    "a dictionary that holds itself by two steps",
    "torch.pickle-cycle",
    a.zip(a.pickle(a.emptyDict, a.put(0), a.text("k"), a.emptyList, a.get(0), a.append, a.setItem)),
  ],
  ["a thousand nested lists", "torch.pickle-depth", a.zip(a.pickle(repeat(1000, a.emptyList), repeat(999, a.append)))],
  ["thirty doubled lists", "torch.pickle-walk", a.zip(a.pickle(a.mark, laughs, a.tuple))],
  [
    "200,000 lists",
    "torch.pickle-limit",
    a.zip(a.pickle(a.emptyList, a.mark, repeat(200_000, a.emptyList), a.appends)),
  ],
  ["a million opcodes", "torch.pickle-limit", a.zip(a.pickle(a.none, repeat(500_000, [0x71, 0])))],
  ["200,000 values on the stack", "torch.pickle-limit", a.zip(a.pickle(a.mark, repeat(200_000, a.none), a.tuple))],
  ["a text of 2 GB", "torch.pickle-limit", a.zip(a.pickle([0x58, ...a.little(2 ** 31, 4), 0x61]))],
  ["a text of 2⁶³ bytes", "torch.pickle-limit", a.zip(a.pickle([0x8d, ...a.little(2n ** 63n, 8), 0x61]))],
  ["an integer of 2 GB", "torch.pickle-limit", a.zip(a.pickle([0x8b, ...a.little(2 ** 31, 4), 0x61]))],
  ["a text beyond the end", "torch.pickle-truncated", a.zip(a.pickle([0x58, ...a.little(1000, 4), 0x61]))],
  ["a name without an end", "torch.pickle-truncated", a.zip([0x80, 2, 0x63, 0x6f, 0x73])],
  ["text that is not UTF-8", "torch.pickle-text", a.zip(a.pickle([0x58, ...a.little(1, 4), 0xc3]))],
  ["bytes after the pickle", "torch.trailing-bytes", a.zip([...good, 0, 0])],
];

const big = 2n ** 62n;
const tensors: Case[] = [
  ["a negative size", "torch.tensor-shape", withTensor({ shape: [-2, 2] })],
  ["a negative stride", "torch.tensor-shape", withTensor({ stride: [-2, 1] })],
  ["a negative offset", "torch.tensor-shape", withTensor({ offset: a.int(-1) })],
  ["a size that is no integer", "torch.tensor-shape", withTensor({ offset: a.text("0") })],
  ["more sizes than strides", "torch.tensor-shape", withTensor({ shape: [1, 2, 2] })],
  ["forty axes", "torch.tensor-shape", withTensor({ shape: Array(40).fill(1), stride: Array(40).fill(1) })],
  ["an offset behind the storage", "torch.tensor-bounds", withTensor({ offset: a.int(1) })],
  ["a stride behind the storage", "torch.tensor-bounds", withTensor({ stride: [3, 1] })],
  ["an offset that overflows with the extent", "torch.tensor-bounds", withTensor({ offset: a.int(2n ** 53n - 1n) })],
  ["an empty tensor far outside", "torch.tensor-bounds", withTensor({ shape: [0], stride: [1], offset: a.int(99) })],
  ["a shape whose product overflows 64 bits", "torch.tensor-shape", withTensor({ shape: [big, 4], stride: [0, 0] })],
  [
    "a shape whose product overflows 2⁵³",
    "torch.tensor-size",
    withTensor({ shape: [2n ** 30n, 2n ** 30n], stride: [0, 0] }),
  ],
  ["one number expanded to 4 TB", "torch.tensor-size", withTensor({ shape: [2n ** 40n], stride: [0] })],
  ["one number expanded to 1 GB", "torch.tensor-size", withTensor({ shape: [2 ** 28], stride: [0] })],
  ["a tensor whose numbers are negated lazily", "torch.tensor-flags", withFlags([0x88])],
  ["a tensor over no storage", "torch.call-refused", withTensor({ storage: a.none })],
  ["a complex storage", "torch.dtype-refused", withStorage({ type: "ComplexFloatStorage", elements: 2 })],
  ["a storage of -1 elements", "torch.storage-size", withStorage({ elements: -1 })],
  ["a storage of 2⁶² elements", "torch.storage-size", withStorage({ elements: big })],
  ["a storage larger than its entry", "torch.storage-size", withStorage({ elements: 5 })],
  ["a storage smaller than its entry", "torch.storage-size", withStorage({ elements: 3 })],
  ["a storage that is not there", "torch.storage-missing", withStorage({ key: "1" })],
  ["a key that climbs out of the folder", "torch.storage-missing", withStorage({ key: "../../etc/passwd" })],
  [
    "one storage with two sizes",
    "torch.storage-conflict",
    a.zip(a.pickle(a.dict(["w", a.tensor()], ["v", a.tensor({ storage: a.storage({ elements: 5 }) })]))),
  ],
  [
    "a view reaching beyond its storage",
    "torch.storage-view",
    a.legacy(a.pickle(a.tensor({ storage: a.storage({ view: a.tupleOf(a.text("v"), a.int(3), a.int(2)) }) }))),
  ],
  [
    "a view of negative length",
    "torch.storage-size",
    a.legacy(a.pickle(a.tensor({ storage: a.storage({ view: a.tupleOf(a.text("v"), a.int(3), a.int(-2)) }) }))),
  ],
];

const endless = a.legacy(a.pickle(a.tensor({ storage: a.storage({ elements: big }) })));
const legacies: Case[] = [
  ["another magic number", "torch.container", a.legacy(good, { magic: 5n })],
  ["another protocol", "torch.legacy-protocol", a.legacy(good, { protocol: 1002 })],
  ["keys that are a number", "torch.legacy-keys", a.legacy(good, { keys: a.int(3) })],
  [
    "a key that nobody asked for",
    "torch.legacy-keys",
    a.legacy(good, { keys: [...a.emptyList, ...a.text("9"), ...a.append] }),
  ],
  [
    "a key twice",
    "torch.legacy-keys",
    a.legacy(good, {
      keys: [...a.emptyList, ...repeat(2, a.text("0"), a.append)],
      storages: repeat(2, a.little(4, 8), [...a.four]),
    }),
  ],
  ["no key", "torch.storage-missing", a.legacy(good, { keys: a.emptyList })],
  ["a count of 5", "torch.storage-size", a.legacy(good, { storages: [...a.little(5, 8), ...a.four] })],
  ["a count of -1", "torch.storage-size", a.legacy(good, { storages: [...a.little(-1n, 8), ...a.four] })],
  ["a storage cut short", "torch.storage-truncated", a.legacy(good, { storages: [...a.little(4, 8), 1, 2, 3] })],
  ["a storage of 2⁶² elements in a legacy file", "torch.storage-size", endless],
  [
    "bytes after the last storage",
    "torch.trailing-bytes",
    a.legacy(good, { storages: [...a.little(4, 8), ...a.four, 0] }),
  ],
];

const zeros = new Uint8Array(8 * 2 ** 20);
const archives: Case[] = [
  ["8 MB of zeros in 8 KB", "torch.zip-bomb", a.archive([head, { name: "a/data/0", content: zeros, deflate: true }])],
  [
    "an entry that inflates to more than it says",
    "torch.zip-bomb",
    a.archive([head, { ...place, content: zeros.subarray(0, 500), size: 16, deflate: true }]),
  ],
  [
    "an entry that inflates to less than it says",
    "torch.zip-inflate",
    a.archive([head, { ...place, content: a.four.subarray(0, 8), size: 16, deflate: true }]),
  ],
  [
    "an entry that is no deflate stream",
    "torch.zip-inflate",
    a.archive([{ ...head, packed: Uint8Array.of(7, 7, 7) }, place]),
  ],
  ["a size of 4 GB", "torch.zip-bomb", a.archive([head, { ...place, deflate: true, size: 2 ** 32 - 2 }])],
  ["two entries of one name", "torch.zip-duplicate", a.archive([head, place, place])],
  [
    "an entry that reaches into the next",
    "torch.zip-overlap",
    a.archive([{ ...head, size: good.length + 20, compressedSize: good.length + 20 }, place]),
  ],
  ["an entry inside another", "torch.zip-overlap", nested()],
  ["a header far outside", "torch.zip-entry", a.archive([head, { ...place, header: 2 ** 31 }])],
  ["a header in the middle of something", "torch.zip-entry", a.archive([head, { ...place, header: 5 }])],
  ["a size beyond the archive", "torch.zip-entry", a.archive([head, { ...place, size: 5000, compressedSize: 5000 }])],
  ["two sizes of a stored entry", "torch.zip-entry", a.archive([head, { ...place, size: 32 }])],
  ["another name in the local header", "torch.zip-entry", a.archive([head, { ...place, localName: "a/data/9" }])],
  ["a zip64 size that is not there", "torch.zip-entry", a.archive([head, { ...place, size: 2 ** 32 - 1 }])],
  ["an encrypted entry", "torch.zip-encrypted", a.archive([head, { ...place, flags: 1 }])],
  ["an unknown compression", "torch.zip-method", a.archive([head, { ...place, method: 12 }])],
  ["a wrong checksum", "torch.zip-checksum", a.archive([head, { ...place, crc: 1 }])],
  ["no end record", "torch.zip-truncated", a.archive([head, place]).slice(0, -1)],
  ["a directory outside of the file", "torch.zip-directory", patchEnd(16, 2 ** 31)],
  ["a directory of 4 GB", "torch.zip-directory", patchEnd(12, 2 ** 32 - 1)],
  ["more entries than there are", "torch.zip-directory", patchEnd(10, 60_000)],
  ["no data.pkl", "torch.container", a.archive([place])],
  ["two data.pkl", "torch.container", a.archive([head, place, { ...head, name: "b/data.pkl" }])],
  [
    "TorchScript",
    "torch.torchscript-refused",
    a.archive([head, place, { name: "a/code/__torch__.py", content: a.four }]),
  ],
  [
    "an order of bytes that is no order",
    "torch.byteorder",
    a.archive([head, place, { name: "a/byteorder", content: a.four }]),
  ],
  ["version 99", "torch.zip-version", a.archive([head, place, { name: "a/version", content: Uint8Array.of(57, 57) }])],
  ["a tar archive", "torch.tar-refused", tar()],
];

/** The content of data/1 lies inside that of data/0. */
function nested(): Uint8Array {
  const inner = a.archive([{ name: "a/data/1", content: a.four }]).slice(0, 30 + 8 + 16);
  const outer = { name: "a/data/0", content: inner };
  const start = a.archive([head]).length - (46 + 10) - 22 + 30 + 8;
  return a.archive([head, outer, { name: "a/data/1", content: a.four, header: start }]);
}

function patchEnd(field: number, value: number): Uint8Array {
  const bytes = a.archive([head, place]), view = new DataView(bytes.buffer);
  if (field === 10) view.setUint16(bytes.length - 22 + field, value, true);
  else view.setUint32(bytes.length - 22 + field, value, true);
  return bytes;
}

function tar(): Uint8Array {
  const bytes = new Uint8Array(1024);
  bytes.set(new TextEncoder().encode("sys_info"));
  bytes.set(new TextEncoder().encode("ustar"), 257);
  return bytes;
}

test("the assembler's plain checkpoints are read", () => {
  for (
    const bytes of [a.zip(good), a.legacy(good), a.archive([{ ...head, deflate: true }, { ...place, deflate: true }])]
  ) {
    const { w } = Object.fromEntries(findStateDict(decodeTorchCheckpoint(bytes).value));
    expect([...w!.toFloat32()]).toEqual([1, 2, 3, 4]);
  }
});

describe.each([
  ["programs", programs],
  ["the pickle machine", machine],
  ["tensors and storages", tensors],
  ["legacy containers", legacies],
  ["archives", archives],
])("%s", (_, cases) => {
  test.each(cases)("%s: %s", (_name, code, bytes) => {
    const started = cpuSeconds();
    let error: unknown;
    try {
      decodeTorchCheckpoint(bytes, { file: "hostile.pt" });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code, file: "hostile.pt" });
    expect((error as DataError).message).toMatch(/byte \d+/);
    expect(cpuSeconds() - started).toBeLessThan(2);
  });
});

test("a legacy file that is cut short is called so, not too large", () => {
  const cut = a.legacy(a.pickle(a.tensor({ storage: a.storage({ elements: 1e6 }) })));
  expect(() => decodeTorchCheckpoint(cut)).toThrow(/larger than the file.*cut short or was altered/);
  expect(() => decodeTorchCheckpoint(cut, { maxBytes: 1e6 })).toThrow(/larger than allowed; expected at most 1000000/);
});

test("there are at least thirty of them, and each has a name", () => {
  const all = [programs, machine, tensors, legacies, archives].flat();
  expect(all.length).toBeGreaterThanOrEqual(30);
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
});
