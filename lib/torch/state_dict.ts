/** Finds the weights inside whatever a training program saved around them. */
import { DataError } from "../errors.ts";
import { TorchTensor } from "./tensor.ts";
import type { TorchKey, TorchValue } from "./types.ts";

/** Where programs put the state_dict, most usual first. */
const wrappers = [
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "net",
  "network",
  "weights",
  "params",
  "module",
] as const;

/** Prefixes that wrappers of the network (DataParallel, torch.compile) put before every name. */
const prefixes = ["module.", "_orig_mod."] as const;

const deepest = 3;
/** Wrappers around wrappers. */
const mostPrefixes = 4;

/**
 * The tensors by name: the value itself when it is a state_dict, else the one under "state_dict", "model",
 * "model_state_dict", … up to three levels down. `module.` and `_orig_mod.` are stripped when every name has them.
 * @param file name for error messages
 * @throws DataError "torch.state-dict" that lists what is there instead
 */
export function findStateDict(value: TorchValue, file?: string): Map<string, TorchTensor> {
  const found = search(value, 0);
  if (found !== undefined) return stripPrefixes(found, mostPrefixes);
  throw new DataError("torch.state-dict", "no state_dict in this checkpoint", {
    ...(file === undefined ? {} : { file }),
    expected: `a dictionary of tensors, by itself or under ${wrappers.map((name) => `"${name}"`).join(", ")}`,
    found: describe(value),
    hint: "Save it again in Python with torch.save(model.state_dict(), FILE)",
  });
}

function search(value: TorchValue, depth: number): Map<string, TorchTensor> | undefined {
  if (!(value instanceof Map) || depth > deepest) return undefined;
  if (isStateDict(value)) return value;
  for (const name of wrappers) {
    const found = search(value.get(name) ?? null, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStateDict(value: Map<TorchKey, TorchValue>): value is Map<string, TorchTensor> {
  if (value.size === 0) return false;
  for (const [key, item] of value) if (typeof key !== "string" || !(item instanceof TorchTensor)) return false;
  return true;
}

function stripPrefixes(tensors: Map<string, TorchTensor>, most: number): Map<string, TorchTensor> {
  for (const prefix of most > 0 ? prefixes : []) {
    if ([...tensors.keys()].every((name) => name.startsWith(prefix) && name.length > prefix.length)) {
      return stripPrefixes(
        new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])),
        most - 1,
      );
    }
  }
  return tensors;
}

const mostListed = 12;

/** `a dictionary with "epoch" (a number), "optimizer" (a dictionary of 2)`. */
function describe(value: TorchValue, depth = 0): string {
  if (!(value instanceof Map)) return kind(value);
  if (value.size === 0) return "an empty dictionary";
  const odd = [...value].filter(([, item]) => !(item instanceof TorchTensor)), mixed = odd.length < value.size;
  const items = odd.slice(0, mostListed).map(([key, item]) => `${quote(key)} (${kind(item)})`);
  const more = odd.length > mostListed ? ` and ${odd.length - mostListed} more` : "";
  const list = `a dictionary with ${mixed ? `${value.size - odd.length} tensors and ` : ""}${items.join(", ")}${more}`;
  const inner = wrappers.find((name) => value.get(name) instanceof Map);
  return inner === undefined || depth >= deepest
    ? list
    : `${list}; under "${inner}" ${describe(value.get(inner)!, depth + 1)}`;
}

const quote = (key: TorchKey) => typeof key === "string" ? JSON.stringify(key.slice(0, 80)) : String(key);

function kind(value: TorchValue): string {
  if (value === null) return "None";
  if (value instanceof TorchTensor) return `a ${value.dtype} tensor [${value.shape.join(", ")}]`;
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return { boolean: "a bool", bigint: "an integer", number: "a number", string: "a string" }[
    typeof value as "boolean" | "bigint" | "number" | "string"
  ];
}
