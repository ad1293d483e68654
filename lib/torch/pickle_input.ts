/** A cursor over a pickle: every read is bounded by the bytes that are there and by the limits. */
import { limits } from "./limits.ts";
import type { Source } from "./source.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class PickleInput {
  readonly #view: DataView;
  /** Next byte. */
  position: number;

  constructor(readonly source: Source, start: number) {
    const { buffer, byteOffset, length } = source.bytes;
    this.#view = new DataView(buffer, byteOffset, length);
    this.position = start;
  }

  /** Takes `count` bytes and returns where they begin. */
  #take(count: number): number {
    const at = this.position;
    if (count > this.source.bytes.length - at) {
      throw this.source.error("torch.pickle-truncated", "the pickle is cut short", at, {
        expected: `${count} more bytes`,
        found: `${this.source.bytes.length - at} bytes`,
      });
    }
    this.position = at + count;
    return at;
  }

  uint8 = () => this.#view.getUint8(this.#take(1));
  uint16 = () => this.#view.getUint16(this.#take(2), true);
  int32 = () => this.#view.getInt32(this.#take(4), true);
  uint32 = () => this.#view.getUint32(this.#take(4), true);
  float64 = () => this.#view.getFloat64(this.#take(8), false); // the one big-endian number of pickles

  /** A 64-bit count; beyond 2⁵³ it is rounded, which is far beyond any limit. */
  uint64 = () => Number(this.#view.getBigUint64(this.#take(8), true));

  bytes(count: number): Uint8Array {
    this.#limit(count, limits.stringBytes, "string");
    const at = this.#take(count);
    return this.source.bytes.slice(at, at + count);
  }

  text(count: number): string {
    this.#limit(count, limits.stringBytes, "string");
    const at = this.#take(count);
    return this.#decode(at, at + count);
  }

  /** A line of text without its end; names of modules and classes. */
  line(): string {
    const { bytes } = this.source, start = this.position, longest = 1024;
    for (let at = start; at < Math.min(bytes.length, start + longest); at++) {
      if (bytes[at] !== 0x0a) continue;
      this.position = at + 1;
      return this.#decode(start, at);
    }
    if (bytes.length - start >= longest) this.#limit(longest + 1, longest, "name");
    throw this.source.error("torch.pickle-truncated", "the pickle ends inside a name", start);
  }

  /** A little-endian two's-complement integer; bigint where a number could not hold it. */
  integer(count: number): number | bigint {
    this.#limit(count, limits.integerBytes, "integer");
    const at = this.#take(count);
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = value << 8n | BigInt(this.source.bytes[at + i]!);
    const signed = BigInt.asIntN(8 * count, value);
    return signed >= Number.MIN_SAFE_INTEGER && signed <= Number.MAX_SAFE_INTEGER ? Number(signed) : signed;
  }

  #limit(count: number, most: number, what: string): void {
    if (count <= most) return;
    throw this.source.error("torch.pickle-limit", `a ${what} of the pickle is too long`, this.position, {
      expected: `at most ${most} bytes`,
      found: `${count} bytes`,
    });
  }

  #decode(start: number, end: number): string {
    try {
      return utf8.decode(this.source.bytes.subarray(start, end));
    } catch {
      throw this.source.error("torch.pickle-text", "text of the pickle is not UTF-8", start);
    }
  }
}
