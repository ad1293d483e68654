/**
 * A small WebAssembly assembler: expressions are nested calls that return bytes, so a kernel reads like the loop it is.
 * Only deterministic instructions (no relaxed SIMD): the same bits on every processor. Opcodes: WebAssembly core
 * specification 2.0, section 5.4.
 */

/** Encoded instructions: an expression leaves one value on the stack, a statement none. */
export type Code = readonly number[];
/** A variable, an i32 constant, or an expression. */
export type Value = Code | Local | number;
export type ValueType = "i32" | "i64" | "f32" | "v128";

const typeCodes: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b };

function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest > 0 ? 0x80 : 0));
    value = rest;
  } while (value > 0);
  return bytes;
}

function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

/** A parameter or variable of the function being written. */
export class Local {
  constructor(readonly index: number) {}
  get get(): Code {
    return [0x20, ...unsignedLeb(this.index)];
  }
  set(value: Value): Code {
    return [...expression(value), 0x21, ...unsignedLeb(this.index)];
  }
  /** this += value (i32). */
  increase(value: Value): Code {
    return this.set(i32.add(this, value));
  }
}

function expression(value: Value): Code {
  if (typeof value === "number") return [0x41, ...signedLeb(value | 0)];
  return value instanceof Local ? value.get : value;
}

const instruction = (opcode: readonly number[]) => (...operands: Value[]): Code => [
  ...operands.flatMap(expression),
  ...opcode,
];
const simd = (opcode: number) => instruction([0xfd, ...unsignedLeb(opcode)]);
/** Alignment is a hint; 2^0 makes no promise. */
const memoryArgument = (offset: number) => [0x00, ...unsignedLeb(offset)];
const load = (opcode: readonly number[]) => (address: Value, offset = 0): Code => [
  ...expression(address),
  ...opcode,
  ...memoryArgument(offset),
];
const store = (opcode: readonly number[]) => (address: Value, value: Value, offset = 0): Code => [
  ...expression(address),
  ...expression(value),
  ...opcode,
  ...memoryArgument(offset),
];

export const i32 = {
  add: instruction([0x6a]),
  sub: instruction([0x6b]),
  mul: instruction([0x6c]),
  and: instruction([0x71]),
  shiftLeft: instruction([0x74]),
  shiftRight: instruction([0x76]),
  lessThan: instruction([0x49]),
  load: load([0x28]),
  store: store([0x36]),
  wrap: instruction([0xa7]),
};

export const i64 = {
  const: (value: number): Code => [0x42, ...signedLeb(value)],
  add: instruction([0x7c]),
  or: instruction([0x84]),
  shiftLeft: instruction([0x86]),
  shiftRight: instruction([0x88]),
  extend: instruction([0xad]),
};

export const f32 = { load: load([0x2a]), store: store([0x38]) };

export const v128 = {
  load: load([0xfd, 0x00]),
  loadSplat32: load([0xfd, 0x09]),
  /** One 32-bit word in lane 0, zeros in the others. */
  loadZero32: load([0xfd, 0x5c]),
  store: store([0xfd, 0x0b]),
  /** Lane 0 alone. */
  storeLane32: (
    address: Value,
    value: Value,
    offset = 0,
  ): Code => [...store([0xfd, 0x5a])(address, value, offset), 0x00],
  /** Four 32-bit words. */
  const: (...words: [number, number, number, number]): Code => [
    0xfd,
    0x0c,
    ...new Uint8Array(Uint32Array.from(words).buffer),
  ],
  not: simd(0x4d),
  and: simd(0x4e),
  or: simd(0x50),
  xor: simd(0x51),
  /** Words of `a` (0…3) and `b` (4…7) in any order. */
  shuffle32: (a: Value, b: Value, words: [number, number, number, number]): Code => [
    ...expression(a),
    ...expression(b),
    0xfd,
    0x0d,
    ...words.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte)),
  ],
};

export const i32x4 = {
  splat: simd(0x11),
  add: simd(0xae),
  sub: simd(0xb1),
  /** Products of signed 16-bit words, added in pairs. */
  dot: simd(0xba),
  shiftLeft: simd(0xab),
  shiftRight: simd(0xac),
  lessThanUnsigned: simd(0x3a),
  greaterEqual: simd(0x3f),
  /** 64-bit products of the unsigned words 0 and 1. */
  wideMultiplyLow: simd(0xde),
  /** 64-bit products of the unsigned words 2 and 3. */
  wideMultiplyHigh: simd(0xdf),
};

export const i16x8 = {
  /** Eight bytes, widened. */
  loadUnsigned8: load([0xfd, 0x02]),
  /** Eight signed 32-bit words to 16 bits, clipped. */
  narrow: simd(0x85),
};

/** Sixteen signed 16-bit words to unsigned bytes, clipped to 0…255. */
export const narrowToUnsigned8 = simd(0x66);

export const f32x4 = {
  splat: simd(0x13),
  greaterThan: simd(0x44),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
  sqrt: simd(0xe3),
  /** a < b ? b : a in every lane. */
  pseudoMax: simd(0xeb),
};

export const f64x2 = {
  add: simd(0xf0),
  mul: simd(0xf2),
  /** The two low float32 lanes as float64. */
  promoteLow: simd(0x5f),
};

export const zero = v128.const(0, 0, 0, 0);

/** Runs the statements `count` times (not at all for 0); `count` ends at 0. */
export function repeat(count: Local, ...statements: Code[]): Code {
  const again = [...count.set(i32.sub(count, 1)), ...count.get, 0x0d, 0x00];
  return [...count.get, 0x04, 0x40, 0x03, 0x40, ...statements.flat(), ...again, 0x0b, 0x0b];
}

/** Declares the variables of a function; parameters first. */
export interface Scope {
  param(type: ValueType): Local;
  local(type: ValueType): Local;
  locals(type: ValueType, count: number): Local[];
}

export type FunctionBody = (scope: Scope) => Code[];

interface Assembled {
  readonly signature: Code;
  readonly body: Code;
}

const vector = (items: readonly Code[]): number[] => [...unsignedLeb(items.length), ...items.flat()];
const sized = (content: Code): number[] => [...unsignedLeb(content.length), ...content];
const name = (text: string): number[] => sized([...new TextEncoder().encode(text)]);

function assemble(body: FunctionBody): Assembled {
  const params: ValueType[] = [], locals: ValueType[] = [];
  const scope: Scope = {
    param(type) {
      if (locals.length > 0) throw new Error("parameters come before variables");
      return new Local(params.push(type) - 1);
    },
    local: (type) => new Local(params.length + locals.push(type) - 1),
    locals: (type, count) => Array.from({ length: count }, () => scope.local(type)),
  };
  const code = body(scope).flat();
  return {
    signature: [0x60, ...vector(params.map((type) => [typeCodes[type]])), 0x00],
    body: sized([...vector(locals.map((type) => [1, typeCodes[type]])), ...code, 0x0b]),
  };
}

/** A module that imports `env.memory` and exports the functions (none returns a value). */
export function moduleBytes(functions: Readonly<Record<string, FunctionBody>>): Uint8Array<ArrayBuffer> {
  const names = Object.keys(functions), assembled = Object.values(functions).map(assemble);
  const section = (id: number, items: readonly Code[]) => [id, ...sized(vector(items))];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, assembled.map(({ signature }) => signature)),
    ...section(2, [[...name("env"), ...name("memory"), 0x02, 0x00, 0x00]]),
    ...section(3, names.map((_, index) => unsignedLeb(index))),
    ...section(7, names.map((text, index) => [...name(text), 0x00, ...unsignedLeb(index)])),
    ...section(10, assembled.map(({ body }) => body)),
  ]);
}
