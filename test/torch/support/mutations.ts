/** Random damage to checkpoints, and what may come of reading them: a typed error, or values that can all be read. */
import { unzipSync } from "fflate";
import { DataError } from "../../../lib/errors.ts";
import { type RandomStream, randomStream } from "../../../lib/random.ts";
import { decodeTorchCheckpoint, findStateDict, TorchTensor, type TorchValue } from "../../../lib/torch/mod.ts";
import { archive, concat } from "./assembler.ts";
import { readable, readFixture } from "./fixtures.ts";

/** A checkpoint to damage. `rewrap` puts a damaged pickle back into a sound archive, past its checksums. */
interface Victim {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly rewrap?: (bytes: Uint8Array) => Uint8Array;
}

/** Every readable fixture; archives also without checksums, and with only their pickle damaged. */
export const victims: readonly Victim[] = readable.flatMap((name): Victim[] => {
  const bytes = readFixture(name);
  if (bytes[0] !== 0x50) return [{ name, bytes }];
  return [{ name, bytes }, { name: `${name} unchecked`, bytes: withoutChecksums(bytes) }, pickleOf(name, bytes)];
});

/** CRC-32 fields of 0 in the directory, as torch.serialization.set_crc32_options(False) leaves them. */
function withoutChecksums(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  for (let at = 0; at + 46 < copy.length; at++) {
    if (copy[at] === 0x50 && copy[at + 1] === 0x4b && copy[at + 2] === 1 && copy[at + 3] === 2) {
      copy.fill(0, at + 16, at + 20);
    }
  }
  return copy;
}

function pickleOf(name: string, bytes: Uint8Array): Victim {
  const entries = Object.entries(unzipSync(bytes)).map(([entry, content]) => ({ name: entry, content }));
  const pickle = entries.find((entry) => entry.name.endsWith("/data.pkl"))!;
  const rewrap = (content: Uint8Array) =>
    archive(entries.map((entry) => entry === pickle ? { ...entry, content } : entry));
  return { name: `${name} pickle`, bytes: pickle.content, rewrap };
}

const extremes = [
  0n,
  1n,
  2n,
  127n,
  128n,
  255n,
  256n,
  2n ** 15n,
  2n ** 16n - 1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n - 2n,
  24n,
  1000n,
  65_536n,
  10_000_000n,
];

const bytesOf = (value: bigint, width: number) =>
  Uint8Array.from({ length: width }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));

type Mutation = (bytes: Uint8Array, random: RandomStream) => Uint8Array;

/** Somewhere in the file; the ends, where headers are, more often. */
function somewhere(bytes: Uint8Array, random: RandomStream): number {
  const near = Math.min(bytes.length, 64), side = random.integer(0, 5);
  if (side === 0) return random.integer(0, near);
  return side === 1 ? bytes.length - random.integer(0, near) : random.integer(0, bytes.length);
}

const noise = (random: RandomStream, length: number) => Uint8Array.from({ length }, () => random.integer(0, 255));

export const mutations: Readonly<Record<string, Mutation>> = {
  flip(bytes, random) {
    const copy = bytes.slice(), at = somewhere(bytes, random);
    if (at < copy.length) copy[at]! ^= 1 << random.integer(0, 7);
    return copy;
  },
  overwrite(bytes, random) {
    const copy = bytes.slice(), at = somewhere(bytes, random), length = random.integer(1, 8);
    copy.set(noise(random, Math.min(length, copy.length - at)), at);
    return copy;
  },
  field(bytes, random) {
    const width = random.pick([1, 2, 4, 8]), copy = bytes.slice(), at = somewhere(bytes, random);
    copy.set(bytesOf(random.pick(extremes), width).subarray(0, copy.length - at), at);
    return copy;
  },
  truncate: (bytes, random) => bytes.slice(0, somewhere(bytes, random)),
  insert(bytes, random) {
    const at = somewhere(bytes, random);
    return concat([bytes.subarray(0, at), noise(random, random.integer(1, 16)), bytes.subarray(at)]);
  },
  remove(bytes, random) {
    const at = somewhere(bytes, random);
    return concat([bytes.subarray(0, at), bytes.subarray(at + random.integer(1, 16))]);
  },
  /** A run of bytes from elsewhere, over others or between them. */
  splice(bytes, random) {
    const from = random.integer(0, 1) === 0 ? bytes : random.pick(victims).bytes;
    const start = random.integer(0, from.length), run = from.subarray(start, start + random.integer(1, 200));
    const at = somewhere(bytes, random), over = random.integer(0, 1) * run.length;
    return concat([bytes.subarray(0, at), run, bytes.subarray(at + over)]);
  },
};

export interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Damaged file number `index`: one to three mutations of one victim. The same seed and index give the same bytes. */
export function damaged(seed: number, index: number): Case {
  const random = randomStream(seed, "checkpoint", index), { name, bytes, rewrap } = random.pick(victims);
  const kinds = Array.from({ length: random.integer(1, 3) }, () => random.pick(Object.keys(mutations)));
  const changed = kinds.reduce((current, kind) => mutations[kind]!(current, random), bytes);
  return { name: `${name}: ${kinds.join(", ")}`, bytes: rewrap?.(changed) ?? changed };
}

export interface Outcome {
  /** "read", or the code of the typed error. */
  readonly kind: string;
  /** What the file declares: its own size and that of all its tensors. */
  readonly declaredBytes: number;
}

/** Reads a file and every tensor in it. @throws whatever is neither a typed error nor a well-formed result */
export function readAll(bytes: Uint8Array): Outcome {
  try {
    const { value } = decodeTorchCheckpoint(bytes, { file: "damaged.pt" });
    const declaredBytes = bytes.length + checkTensors(value);
    checkStateDict(value);
    return { kind: "read", declaredBytes };
  } catch (error) {
    if (!(error instanceof DataError) || !error.code.startsWith("torch.") || error.file !== "damaged.pt") throw error;
    return { kind: error.code, declaredBytes: bytes.length };
  }
}

function checkTensors(value: TorchValue): number {
  if (value instanceof TorchTensor) {
    const data = value.data(), size = value.shape.reduce((product, n) => product * n, 1);
    if (data.length !== size || value.bytes().length !== value.byteLength) {
      throw new Error(`a ${value.dtype} tensor [${value.shape}] gave ${data.length} numbers`);
    }
    return value.byteLength;
  }
  const items = value instanceof Map ? [...value.values()] : Array.isArray(value) ? value : [];
  return items.reduce<number>((sum, item) => sum + checkTensors(item), 0);
}

function checkStateDict(value: TorchValue): void {
  try {
    for (const [name, tensor] of findStateDict(value, "damaged.pt")) {
      if (typeof name !== "string" || !(tensor instanceof TorchTensor)) throw new Error(`"${name}" is no tensor`);
    }
  } catch (error) {
    if (!(error instanceof DataError) || error.code !== "torch.state-dict") throw error;
  }
}
