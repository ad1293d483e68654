/** The committed checkpoints and what they hold. */
import { fileURLToPath } from "node:url";
import { TorchTensor, type TorchValue } from "../../../lib/torch/mod.ts";

export const folder = fileURLToPath(new URL("../../fixtures/torch/", import.meta.url));

export const readFixture = (name: string): Uint8Array => Deno.readFileSync(`${folder}${name}`);

/** All committed files that have to be readable. */
export const readable: readonly string[] = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => name.endsWith(".pt") && !name.startsWith("refused_")).sort();

/** A value as make.py describes it. */
export type Expected =
  | { readonly value: unknown }
  | { readonly bigint: string }
  | { readonly bytes: number[] }
  | { readonly list: Expected[] }
  | { readonly map: [string | number, Expected][] }
  | {
    readonly tensor: string;
    readonly shape: number[];
    readonly stride: number[];
    readonly offset: number;
    readonly requiresGrad: boolean;
    readonly parameter: boolean;
    readonly storage: number;
    readonly values: unknown[];
  };

const document = JSON.parse(Deno.readTextFileSync(`${folder}expected.json`)) as { cases: Record<string, Expected> };

export const expectedCases = document.cases;

/** A value of ours in the words of make.py. */
export function describeValue(value: TorchValue, storages = new Map<string, number>()): Expected {
  if (value instanceof TorchTensor) return describeTensor(value, storages);
  if (value instanceof Map) {
    return { map: [...value].map(([key, item]) => [key as string, describeValue(item, storages)]) };
  }
  if (Array.isArray(value)) return { list: value.map((item) => describeValue(item, storages)) };
  if (value instanceof Uint8Array) return { bytes: [...value] };
  return typeof value === "bigint" ? { bigint: `${value}` } : { value };
}

function describeTensor(tensor: TorchTensor, storages: Map<string, number>): Expected {
  const { shape, stride, offset, requiresGrad, parameter, dtype, storageKey } = tensor;
  if (!storages.has(storageKey)) storages.set(storageKey, storages.size);
  const values = Array.from<number | bigint, unknown>(tensor.data(), (value) => {
    if (dtype === "bool") return value === 1;
    return dtype.includes("int") ? `${value}` : value;
  });
  const fields = { shape: [...shape], stride: [...stride], offset, requiresGrad, parameter };
  return { tensor: dtype, ...fields, storage: storages.get(storageKey)!, values };
}
