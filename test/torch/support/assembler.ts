/** A small pickle assembler: bytes by opcode name, right or wrong on purpose. */
import { deflateSync } from "fflate";
import { crc32 } from "node:zlib";

export type Bytes = readonly number[];

const utf8 = (text: string): Bytes => [...new TextEncoder().encode(text)];

export function little(value: number | bigint, width: number): Bytes {
  return Array.from({ length: width }, (_, i) => Number(BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * i) & 0xffn));
}

export const mark = [0x28], tuple = [0x74], none = [0x4e], no = [0x89], reduce = [0x52], build = [0x62];
export const emptyList = [0x5d], emptyDict = [0x7d], emptyTuple = [0x29], append = [0x61], appends = [0x65];
export const setItem = [0x73], setItems = [0x75], persistentId = [0x51], stop = [0x2e];
export const put = (index: number): Bytes => [0x71, index];
export const get = (index: number): Bytes => [0x68, index];
export const text = (value: string): Bytes => [0x58, ...little(utf8(value).length, 4), ...utf8(value)];
export const global = (module: string, name: string): Bytes => [0x63, ...utf8(`${module}\n${name}\n`)];

/** LONG1 of 8 bytes; BININT where that is enough. */
export function int(value: number | bigint): Bytes {
  return value >= -(2 ** 31) && value < 2 ** 31 ? [0x4a, ...little(value, 4)] : [0x8a, 8, ...little(value, 8)];
}

export const tupleOf = (...items: Bytes[]): Bytes => [...mark, ...items.flat(), ...tuple];
export const call = (module: string, name: string, ...args: Bytes[]): Bytes => [
  ...global(module, name),
  ...tupleOf(...args),
  ...reduce,
];
export const pickle = (...parts: Bytes[]): Bytes => [0x80, 2, ...parts.flat(), ...stop];
export const orderedDict = [...global("collections", "OrderedDict"), ...emptyTuple, ...reduce];

export interface StorageParts {
  readonly type?: string;
  readonly key?: string;
  readonly elements?: number | bigint;
  /** A sixth item of the persistent id. */
  readonly view?: Bytes;
}

export function storage({ type = "FloatStorage", key = "0", elements = 4, view = [] }: StorageParts = {}): Bytes {
  return [
    ...tupleOf(text("storage"), global("torch", type), text(key), text("cpu"), int(elements), view),
    ...persistentId,
  ];
}

export interface TensorParts {
  readonly storage?: Bytes;
  readonly offset?: Bytes;
  readonly shape?: readonly (number | bigint)[];
  readonly stride?: readonly (number | bigint)[];
}

/** By default a float32 tensor [2, 2] over storage "0" of four elements. */
export function tensor({ storage: place, offset, shape = [2, 2], stride = [2, 1] }: TensorParts = {}): Bytes {
  const sizes = [shape, stride].map((list) => tupleOf(...list.map(int)));
  return call("torch._utils", "_rebuild_tensor_v2", place ?? storage(), offset ?? int(0), ...sizes, no, orderedDict);
}

export const dict = (...pairs: [string, Bytes][]): Bytes => [
  ...emptyDict,
  ...mark,
  ...pairs.flatMap(([key, value]) => [...text(key), ...value]),
  ...setItems,
];

/** Storage "0" of the checkpoints below: 1, 2, 3, 4. */
export const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

export interface EntryParts {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** Compressed bytes as they are. */
  readonly packed?: Uint8Array;
  /** Values to lie with, in the central directory. */
  readonly size?: number;
  readonly compressedSize?: number;
  readonly crc?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly header?: number;
  /** Name in the local header. */
  readonly localName?: string;
}

/** A zip archive with streaming local headers (sizes only in the directory), and lies where they are asked for. */
export function archive(entries: readonly EntryParts[]): Uint8Array {
  const parts: Uint8Array[] = [], directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content, deflate, localName = name, ...lies } of entries) {
    const packed = lies.packed ?? (deflate ? deflateSync(content, { level: 9 }) : content);
    const method = deflate || lies.packed ? 8 : 0, start = at;
    const local = header("PK\x03\x04", 30, { 4: 20, 6: 8, 8: method, 26: utf8(localName).length }, {});
    const central = header("PK\x01\x02", 46, {
      4: 20,
      6: 20,
      8: lies.flags ?? 8,
      10: lies.method ?? method,
      28: utf8(name).length,
    }, {
      16: lies.crc ?? crc32(content),
      20: lies.compressedSize ?? packed.length,
      24: lies.size ?? content.length,
      42: lies.header ?? start,
    });
    parts.push(local, Uint8Array.from(utf8(localName)), packed);
    directory.push(central, Uint8Array.from(utf8(name)));
    at += local.length + utf8(localName).length + packed.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = header("PK\x05\x06", 22, { 8: entries.length, 10: entries.length }, { 12: length, 16: at });
  return concat([...parts, ...directory, end]);
}

/** A signature, then 16-bit and 32-bit fields by offset. */
function header(
  signature: string,
  length: number,
  fields16: Record<number, number>,
  fields32: Record<number, number>,
): Uint8Array {
  const bytes = new Uint8Array(length), view = new DataView(bytes.buffer);
  bytes.set(utf8(signature));
  for (const [at, value] of Object.entries(fields16)) view.setUint16(Number(at), value, true);
  for (const [at, value] of Object.entries(fields32)) view.setUint32(Number(at), value, true);
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The entries of a checkpoint: data.pkl, then storages by key. */
export function entriesOf(content: Bytes, storages: Record<string, Uint8Array> = { 0: four }): EntryParts[] {
  return [
    { name: "a/data.pkl", content: Uint8Array.from(content) },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `a/data/${key}`, content: bytes })),
  ];
}

export const zip = (content: Bytes, storages?: Record<string, Uint8Array>): Uint8Array =>
  archive(entriesOf(content, storages));

export interface LegacyParts {
  readonly magic?: bigint;
  readonly protocol?: number;
  readonly keys?: Bytes;
  /** What follows the list of keys. */
  readonly storages?: Bytes;
}

export function legacy(content: Bytes, parts: LegacyParts = {}): Uint8Array {
  const { magic = 0x1950a86a20f9469cfc6cn, protocol = 1001, keys = [...emptyList, ...text("0"), ...append] } = parts;
  const head = [0x8a, 10, ...little(BigInt.asUintN(64, magic), 8), ...little(magic >> 64n, 2)];
  const storages = parts.storages ?? [...little(4, 8), ...four];
  return Uint8Array.from(
    [pickle(head), pickle(int(protocol)), pickle(emptyDict), content, pickle(keys), storages].flat(),
  );
}
