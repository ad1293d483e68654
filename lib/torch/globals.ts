/** The allow-list: every Python name that a checkpoint may use, and what it means here. */
import { isTorchDtype, refusedDtypes, refusedStorages, storageClasses } from "./dtypes.ts";
import { setItem } from "./pickle.ts";
import { AllowedGlobal, type Fail, isList, kindOf, type PickleValue } from "./pickle_values.ts";
import type { TensorBuilder } from "./rebuild.ts";
import type { TorchKey } from "./types.ts";

/** Resolves names, and remembers which ones were asked for. */
export class AllowList {
  readonly seen = new Set<string>();
  readonly #globals: ReadonlyMap<string, AllowedGlobal>;

  constructor(tensors: TensorBuilder) {
    const calls: Record<string, (args: readonly PickleValue[], fail: Fail) => PickleValue> = {
      "collections.OrderedDict": orderedDict,
      "torch.Size": size,
      "torch.device": device,
      "_codecs.encode": latin1Bytes,
      "torch._utils._rebuild_tensor": (args, fail) => tensors.rebuild(args, fail),
      "torch._utils._rebuild_tensor_v2": (args, fail) => tensors.rebuild(args, fail),
      "torch._utils._rebuild_tensor_v3": (args, fail) => tensors.rebuildTyped(args, fail),
      "torch._utils._rebuild_parameter": (args, fail) => tensors.parameter(args, fail),
      "torch._utils._rebuild_parameter_with_state": (args, fail) => tensors.parameter(args, fail),
    };
    const classes = Object.entries(storageClasses).map(([name, dtype]) => [`torch.${name}`, dtype] as const);
    this.#globals = new Map([
      ...Object.entries(calls).map(([name, call]) => new AllowedGlobal(name, { call })),
      ...classes.map(([name, storage]) => new AllowedGlobal(name, { storage })),
      new AllowedGlobal("torch.storage.UntypedStorage", { storage: "untyped" }),
      new AllowedGlobal("torch.UntypedStorage", { storage: "untyped" }),
    ].map((global) => [global.name, global]));
  }

  resolve(name: string, fail: Fail): AllowedGlobal | string | undefined {
    const known = this.#globals.get(name), last = name.slice("torch.".length);
    if (known === undefined && name.startsWith("torch.") && (refusedDtypes.has(last) || refusedStorages.has(last))) {
      fail("torch.dtype-refused", "this tensor type is not read", {
        expected: "real numbers, integers or bool of 8 to 64 bits (no 8-bit floats)",
        found: name,
      });
    }
    const value = known ?? (name.startsWith("torch.") && isTorchDtype(last) ? name : undefined);
    if (value !== undefined) this.seen.add(name);
    return value;
  }
}

/** `OrderedDict()`, or with pairs, as Python 2 pickled it. */
function orderedDict(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [pairs = []] = args, map = new Map<TorchKey, PickleValue>();
  if (args.length > 1 || !isList(pairs)) return refuse("collections.OrderedDict", args, fail);
  for (const pair of pairs) {
    if (!isList(pair) || pair.length !== 2) return refuse("collections.OrderedDict", args, fail);
    setItem(map, pair[0]!, pair[1]!, fail);
  }
  return map;
}

function size(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [sizes] = args;
  if (args.length === 1 && isList(sizes) && sizes.every((n) => Number.isSafeInteger(n))) return sizes;
  return refuse("torch.Size", args, fail);
}

/** `device("cuda", 0)` → "cuda:0". */
function device(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [type, index] = args;
  if (typeof type !== "string" || args.length > 2) return refuse("torch.device", args, fail);
  if (index === undefined) return type;
  return typeof index === "number" ? `${type}:${index}` : refuse("torch.device", args, fail);
}

/** How protocol 2 spells bytes: a text of code points below 256 and the word "latin1". */
function latin1Bytes(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [text, encoding] = args;
  if (args.length !== 2 || typeof text !== "string" || encoding !== "latin1") {
    return refuse("_codecs.encode", args, fail);
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return refuse("_codecs.encode", args, fail);
    bytes[i] = code;
  }
  return bytes;
}

function refuse(name: string, args: readonly PickleValue[], fail: Fail): never {
  fail("torch.call-refused", `${name} is called with arguments that it does not take`, {
    found: args.slice(0, 8).map(kindOf).join(", ") || "no arguments",
  });
}
