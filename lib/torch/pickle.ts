/**
 * A pickle machine (Python's pickle protocols 2 to 5) that can only make plain values and call what is on an allow-list.
 * It knows no import, no class, no attribute: unknown opcodes and names are refused by name and place.
 */
import { limits } from "./limits.ts";
import { opcode, refusedOpcode } from "./opcodes.ts";
import { PickleInput } from "./pickle_input.ts";
import { AllowedGlobal, type Fail, isList, kindOf, type PickleValue } from "./pickle_values.ts";
import { resaveHint, type Source } from "./source.ts";
import type { TorchKey } from "./types.ts";

/** What a pickle may refer to. */
export interface PickleEnvironment {
  /** The meaning of a Python name, or undefined to refuse it. */
  resolve(name: string, fail: Fail): AllowedGlobal | string | undefined;
  /** The meaning of a persistent id. */
  persistent(id: PickleValue, fail: Fail): PickleValue;
}

/**
 * Reads one pickle that begins at `start`.
 * @returns its value and where the next byte is
 * @throws DataError "torch.pickle-…", "torch.opcode-refused", "torch.global-refused", "torch.call-refused", …
 */
export function readPickle(source: Source, start: number, environment: PickleEnvironment): [PickleValue, number] {
  const machine = new PickleMachine(new PickleInput(source, start), environment);
  const value = machine.run();
  return [value, machine.input.position];
}

class PickleMachine {
  readonly stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #objects = 0;
  #items = 0;
  /** Where the opcode at work begins. */
  #at = 0;

  constructor(readonly input: PickleInput, readonly environment: PickleEnvironment) {}

  run(): PickleValue {
    const { input } = this, start = input.position;
    for (let count = 0;; count++) {
      this.#at = input.position;
      this.#limit(count, limits.opcodes, "opcodes");
      this.#limit(this.stack.length, limits.stack, "values at once");
      const code = input.uint8();
      if ((code === opcode.PROTO) !== (this.#at === start)) {
        this.fail("torch.pickle-protocol", "a pickle begins with its protocol, once", { found: refusedOpcode(code) });
      }
      if (code === opcode.STOP) return this.#stop();
      const handle = handlers[code];
      if (handle === undefined) this.#refuseOpcode(code);
      handle(this);
    }
  }

  fail: Fail = (code, message, details = {}) => {
    throw this.input.source.error(code, message, this.#at, { hint: resaveHint, ...details });
  };

  #refuseOpcode(code: number): never {
    throw this.input.source.error("torch.opcode-refused", "the pickle uses an opcode that no weights need", this.#at, {
      found: `opcode ${refusedOpcode(code)}`,
      hint: resaveHint,
    });
  }

  #limit(count: number, most: number, what: string): void {
    if (count <= most) return;
    this.fail("torch.pickle-limit", `the pickle has too many ${what}`, { expected: `at most ${most}` });
  }

  #stop(): PickleValue {
    if (this.stack.length !== 1 || this.#marks.length > 0) {
      this.fail("torch.pickle-stack", "the pickle ends with a wrong number of values", {
        expected: "1",
        found: `${this.stack.length}`,
      });
    }
    return this.stack[0]!;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  /** Pushes a new list, tuple, dictionary, tensor or text. */
  pushObject(value: PickleValue): void {
    this.#limit(++this.#objects, limits.objects, "lists, dictionaries, tensors and texts");
    this.stack.push(value);
  }

  pop(): PickleValue {
    if (this.stack.length <= (this.#marks.at(-1) ?? 0)) this.fail("torch.pickle-stack", "the pickle's stack is empty");
    return this.stack.pop()!;
  }

  top(): PickleValue {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  mark(): void {
    this.#limit(this.#marks.length, limits.objects, "marks");
    this.#marks.push(this.stack.length);
  }

  popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) this.fail("torch.pickle-stack", "the pickle's stack has no mark");
    return this.stack.splice(height);
  }

  remember(index: number): void {
    this.#limit(index, limits.opcodes, "remembered values");
    this.#limit(this.#memo.size, limits.memo, "remembered values");
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) {
      this.fail("torch.pickle-memo", "the pickle recalls what it never remembered", { found: `index ${index}` });
    }
    this.push(value);
  }

  tuple(items: PickleValue[]): void {
    this.#limit(this.#items += items.length, limits.items, "items");
    this.pushObject(Object.freeze(items));
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!isList(list) || Object.isFrozen(list)) {
      this.fail("torch.pickle-stack", "items are appended to something that is no list", { found: kindOf(list) });
    }
    this.#limit(this.#items += items.length, limits.items, "items");
    for (const item of items) (list as PickleValue[]).push(item);
  }

  setItems(pairs: readonly PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map)) {
      this.fail("torch.pickle-stack", "items are set in something that is no dictionary", { found: kindOf(map) });
    }
    if (pairs.length % 2 !== 0) this.fail("torch.pickle-stack", "a key of a dictionary has no value");
    this.#limit(this.#items += pairs.length, limits.items, "items");
    for (let i = 0; i < pairs.length; i += 2) {
      setItem(map, pairs[i]!, pairs[i + 1]!, this.fail);
    }
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") {
      this.fail("torch.pickle-stack", "a global's name is not text", { found: kindOf(name) });
    }
    const full = `${module}.${name}`, value = this.environment.resolve(full, this.fail);
    if (value === undefined) {
      const found = `global ${full.length > 120 ? full.slice(0, 120) + "…" : full}`;
      this.fail("torch.global-refused", "the pickle asks for a Python object that no weights need", { found });
    }
    this.push(value);
  }

  reduce(): void {
    const args = this.pop(), callee = this.pop();
    if (!(callee instanceof AllowedGlobal) || !("call" in callee.meaning)) {
      this.fail("torch.call-refused", "the pickle calls something that is no function", { found: kindOf(callee) });
    }
    if (!isList(args)) {
      this.fail("torch.call-refused", "arguments of a call are not a tuple", { found: kindOf(args) });
    }
    this.pushObject(callee.meaning.call(args, this.fail));
  }

  /** Attributes of an OrderedDict (`_metadata` of state_dict()) are dropped; nothing else takes any. */
  build(): void {
    const state = this.pop(), target = this.top();
    if (state instanceof Map && target instanceof Map) return;
    this.fail("torch.build-refused", "the pickle sets attributes of an object", {
      expected: "attributes of an OrderedDict",
      found: `${kindOf(state)} for ${kindOf(target)}`,
    });
  }
}

/** Python pickles no dictionary key twice, so a second one is a trick or damage. */
export function setItem(map: Map<TorchKey, PickleValue>, key: PickleValue, value: PickleValue, fail: Fail): void {
  if (key !== null && typeof key === "object") fail("torch.key", "unusable dictionary key", { found: kindOf(key) });
  if (map.has(key)) fail("torch.key-duplicate", "a dictionary key comes twice", { found: kindOf(key) });
  map.set(key, value);
}

type Handler = (machine: PickleMachine) => void;

const handlers: readonly (Handler | undefined)[] = table({
  PROTO(machine) {
    const protocol = machine.input.uint8();
    if (protocol >= 2 && protocol <= 5) return;
    machine.fail("torch.pickle-protocol", "unknown pickle protocol", { expected: "2 to 5", found: `${protocol}` });
  },
  FRAME: (machine) => void machine.input.uint64(), // a hint for buffering only
  MARK: (machine) => machine.mark(),
  NONE: (machine) => machine.push(null),
  NEWTRUE: (machine) => machine.push(true),
  NEWFALSE: (machine) => machine.push(false),
  BININT: (machine) => machine.push(machine.input.int32()),
  BININT1: (machine) => machine.push(machine.input.uint8()),
  BININT2: (machine) => machine.push(machine.input.uint16()),
  LONG1: (machine) => machine.pushObject(machine.input.integer(machine.input.uint8())),
  LONG4: (machine) => machine.pushObject(machine.input.integer(machine.input.uint32())),
  BINFLOAT: (machine) => machine.push(machine.input.float64()),
  SHORT_BINUNICODE: (machine) => machine.pushObject(machine.input.text(machine.input.uint8())),
  BINUNICODE: (machine) => machine.pushObject(machine.input.text(machine.input.uint32())),
  BINUNICODE8: (machine) => machine.pushObject(machine.input.text(machine.input.uint64())),
  SHORT_BINSTRING: (machine) => machine.pushObject(machine.input.text(machine.input.uint8())), // Python 2's str
  BINSTRING: (machine) => machine.pushObject(machine.input.text(machine.input.uint32())),
  SHORT_BINBYTES: (machine) => machine.pushObject(machine.input.bytes(machine.input.uint8())),
  BINBYTES: (machine) => machine.pushObject(machine.input.bytes(machine.input.uint32())),
  BINBYTES8: (machine) => machine.pushObject(machine.input.bytes(machine.input.uint64())),
  EMPTY_TUPLE: (machine) => machine.tuple([]),
  TUPLE1: (machine) => machine.tuple([machine.pop()]),
  TUPLE2: (machine) => machine.tuple([machine.pop(), machine.pop()].reverse()),
  TUPLE3: (machine) => machine.tuple([machine.pop(), machine.pop(), machine.pop()].reverse()),
  TUPLE: (machine) => machine.tuple(machine.popMark()),
  EMPTY_LIST: (machine) => machine.pushObject([]),
  EMPTY_DICT: (machine) => machine.pushObject(new Map<TorchKey, PickleValue>()),
  APPEND: (machine) => machine.append([machine.pop()]),
  APPENDS: (machine) => machine.append(machine.popMark()),
  SETITEM: (machine) => machine.setItems([machine.pop(), machine.pop()].reverse()),
  SETITEMS: (machine) => machine.setItems(machine.popMark()),
  BINPUT: (machine) => machine.remember(machine.input.uint8()),
  LONG_BINPUT: (machine) => machine.remember(machine.input.uint32()),
  MEMOIZE: (machine) => machine.memoize(),
  BINGET: (machine) => machine.recall(machine.input.uint8()),
  LONG_BINGET: (machine) => machine.recall(machine.input.uint32()),
  GLOBAL: (machine) => machine.global(machine.input.line(), machine.input.line()),
  STACK_GLOBAL(machine) {
    const name = machine.pop(), module = machine.pop();
    machine.global(module, name);
  },
  BINPERSID: (machine) => machine.pushObject(machine.environment.persistent(machine.pop(), machine.fail)),
  REDUCE: (machine) => machine.reduce(),
  BUILD: (machine) => machine.build(),
});

function table(named: Record<Exclude<keyof typeof opcode, "STOP">, Handler>): (Handler | undefined)[] {
  const byCode = new Array<Handler | undefined>(256).fill(undefined);
  for (const [name, handler] of Object.entries(named)) byCode[opcode[name as keyof typeof opcode]] = handler;
  return byCode;
}
