/** Writes pickles of protocol 2, the one that torch.save writes and torch.load(weights_only=True) reads. */
import { opcode } from "./opcodes.ts";

const utf8 = new TextEncoder();

/** Appends opcodes. Values get memo numbers in the order in which Python's pickler would give them. */
export class PickleWriter {
  readonly #bytes: number[] = [opcode.PROTO, 2];
  readonly #memo = new Map<string, number>();
  #remembered = 0;

  /** Opcodes without arguments. */
  op(...codes: number[]): this {
    this.#bytes.push(...codes);
    return this;
  }

  /** Remembers the value on top of the stack, under a name when it will be recalled. */
  put(name?: string): this {
    const index = this.#remembered++;
    if (name !== undefined) this.#memo.set(name, index);
    return index < 256 ? this.op(opcode.BINPUT, index) : this.op(opcode.LONG_BINPUT, ...little(index, 4));
  }

  #recall(index: number): this {
    return index < 256 ? this.op(opcode.BINGET, index) : this.op(opcode.LONG_BINGET, ...little(index, 4));
  }

  /** Pushes a Python object by name; the second time from the memo. */
  global(module: string, name: string): this {
    const key = `${module}\n${name}\n`, index = this.#memo.get(key);
    if (index !== undefined) return this.#recall(index);
    return this.op(opcode.GLOBAL, ...utf8.encode(key)).put(key);
  }

  /** Pushes a text; a `shared` one is written once and then recalled. */
  text(value: string, shared = false): this {
    const key = `text ${value}`, index = shared ? this.#memo.get(key) : undefined;
    if (index !== undefined) return this.#recall(index);
    const bytes = utf8.encode(value);
    return this.op(opcode.BINUNICODE, ...little(bytes.length, 4), ...bytes).put(shared ? key : undefined);
  }

  /** Pushes a whole number from 0 up. */
  integer(value: number): this {
    if (value < 2 ** 8) return this.op(opcode.BININT1, value);
    if (value < 2 ** 16) return this.op(opcode.BININT2, ...little(value, 2));
    if (value < 2 ** 31) return this.op(opcode.BININT, ...little(value, 4));
    const bytes = little(value, 8);
    while (bytes.at(-1) === 0 && bytes.at(-2)! < 0x80) bytes.pop(); // two's complement without needless zeros
    return this.op(opcode.LONG1, bytes.length, ...bytes);
  }

  /** Pushes a tuple of whole numbers. */
  integers(values: readonly number[]): this {
    if (values.length === 0) return this.op(opcode.EMPTY_TUPLE);
    const short = [opcode.TUPLE1, opcode.TUPLE2, opcode.TUPLE3][values.length - 1];
    if (short === undefined) this.op(opcode.MARK);
    for (const value of values) this.integer(value);
    return this.op(short ?? opcode.TUPLE).put();
  }

  end(): Uint8Array {
    return Uint8Array.from([...this.#bytes, opcode.STOP]);
  }
}

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}
