/** Values on the pickle machine's stack: plain ones, and those that must be gone when it stops. */
import { limits } from "./limits.ts";
import { quoted, resaveHint, type Source } from "./source.ts";
import { StorageView } from "./storage.ts";
import type { TorchDtype } from "./dtypes.ts";
import { TorchTensor } from "./tensor.ts";
import type { TorchKey, TorchValue } from "./types.ts";

export type PickleValue =
  | Exclude<TorchValue, readonly TorchValue[] | Map<TorchKey, TorchValue>>
  | readonly PickleValue[]
  | Map<TorchKey, PickleValue>
  | AllowedGlobal
  | StorageView;

/** Throws a typed error about the opcode at work. */
export type Fail = (
  code: `torch.${string}`,
  message: string,
  details?: { expected?: string; found?: string; hint?: string },
) => never;

/** A name on the allow-list: a function that the machine performs itself, or a class of storages. */
export class AllowedGlobal {
  constructor(
    /** e.g. "torch._utils._rebuild_tensor_v2" */
    readonly name: string,
    readonly meaning:
      | { readonly call: (args: readonly PickleValue[], fail: Fail) => PickleValue }
      | { readonly storage: TorchDtype | "untyped" },
  ) {}
}

/** "a list of 3", for messages. */
export function kindOf(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (value instanceof AllowedGlobal) return value.name;
  if (value instanceof StorageView) return "a storage";
  if (value instanceof TorchTensor) return "a tensor";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (isList(value)) return `a list of ${value.length}`;
  return typeof value === "string" ? quoted(value) : String(value).slice(0, 60);
}

export function isList(value: PickleValue | undefined): value is readonly PickleValue[] {
  return Array.isArray(value);
}

/**
 * The result of a pickle, checked to be plain values without cycles, not too deep, and not so often shared that walking
 * it would take forever.
 * @throws DataError "torch.pickle-cycle", "torch.pickle-depth", "torch.pickle-walk", "torch.value-refused"
 */
export function plainValue(root: PickleValue, source: Source, end: number): TorchValue {
  const path = new Set<PickleValue>();
  let met = 0;
  const fail: Fail = (code, message, details) => {
    throw source.error(code, message, end, { hint: resaveHint, ...details });
  };
  const visit = (value: PickleValue): void => {
    if (++met > limits.walk) fail("torch.pickle-walk", "values are shared too often", { expected: `${limits.walk}` });
    if (value instanceof AllowedGlobal || value instanceof StorageView) {
      fail("torch.value-refused", "the checkpoint holds a class or a bare storage as a value", {
        found: kindOf(value),
      });
    }
    if (!(value instanceof Map) && !isList(value)) return;
    if (path.has(value)) fail("torch.pickle-cycle", "a list or dictionary holds itself", { found: kindOf(value) });
    if (path.size >= limits.depth) {
      fail("torch.pickle-depth", "lists and dictionaries are nested too deep", { expected: `at most ${limits.depth}` });
    }
    path.add(value);
    for (const item of value instanceof Map ? value.values() : value) visit(item);
    path.delete(value);
  };
  visit(root);
  return root as TorchValue;
}
