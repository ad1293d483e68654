import { unzipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import { fileURLToPath } from "node:url";
import type { Dtype, StateDict, StateTensor } from "../../lib/nn/safetensors.ts";
import {
  decodeTorchCheckpoint,
  encodeTorchCheckpoint,
  findStateDict,
  readTorchCheckpoint,
  type TorchTensor,
  writeTorchCheckpoint,
} from "../../lib/torch/mod.ts";
import { installedPeerPython } from "../bench/peer.ts";
import { readFixture } from "./support/fixtures.ts";

const folder = Deno.makeTempDirSync({ prefix: "cov3d-torch-" });
afterAll(() => Deno.removeSync(folder, { recursive: true }));

const dtypes: Record<string, Dtype> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

/** A tensor that PyTorch wrote, as one of ours. */
function stateTensor(tensor: TorchTensor): StateTensor {
  const dtype = dtypes[tensor.dtype]!, { shape } = tensor, bytes = tensor.bytes().slice();
  if (dtype === "F32") return { dtype, shape, data: new Float32Array(bytes.buffer) };
  return dtype === "I64" ? { dtype, shape, data: new BigInt64Array(bytes.buffer) } : { dtype, shape, data: bytes };
}

function stateOf(name: string): StateDict {
  const tensors = findStateDict(decodeTorchCheckpoint(readFixture(name)).value);
  return new Map([...tensors].map(([key, tensor]) => [key, stateTensor(tensor)]));
}

const cases = ["dtypes.zip.pt", "many.zip.pt", "state_dict.legacy.pt", "shapes.zip.pt", "views.zip.pt"];

test.each(cases)("%s comes back from what is written", (name) => {
  const state = stateOf(name), back = decodeTorchCheckpoint(encodeTorchCheckpoint(state));
  expect(back.container).toBe("zip");
  expect(new Map([...findStateDict(back.value)].map(([key, tensor]) => [key, stateTensor(tensor)]))).toEqual(state);
});

test.each(["dtypes.zip.pt", "many.zip.pt"])("%s: the pickle and records have the bytes that PyTorch writes", (name) => {
  const ours = unzipSync(encodeTorchCheckpoint(stateOf(name))), theirs = unzipSync(readFixture(name));
  const root = Object.keys(theirs)[0]!.split("/")[0];
  for (
    const entry of ["data.pkl", "byteorder", "version", ".format_version", ".storage_alignment", "data/0", "data/9"]
  ) {
    expect([...ours[`archive/${entry}`]!], entry).toEqual([...theirs[`${root}/${entry}`]!]);
  }
});

describe("the file", () => {
  test("begins every storage at a multiple of 64 bytes, also behind odd ones", () => {
    const sizes = [1, 3, 64, 65, 7, 0];
    const state: StateDict = new Map(
      sizes.map((n) => [`${n}`, { dtype: "U8", shape: [n], data: new Uint8Array(n).fill(n) }]),
    );
    const bytes = encodeTorchCheckpoint(state);
    for (const [name, tensor] of findStateDict(decodeTorchCheckpoint(bytes).value)) {
      expect(tensor.bytes().byteOffset % 64, name).toBe(0);
      expect([...tensor.bytes()]).toEqual(Array(Number(name)).fill(Number(name)));
    }
    expect(encodeTorchCheckpoint(state)).toEqual(bytes);
  });

  test("thousands of tensors, large sizes and names of any letters", async () => {
    const name = (i: number) => i % 2 ? `層.${i}` : `layer ${i}`;
    const shapes = [[0, 70_000], [3, 0], [2 ** 31, 0], [2 ** 40, 0], []];
    const state: StateDict = new Map(
      Array.from({ length: 2001 }, (_, i) => {
        const shape = shapes[i % shapes.length]!;
        return [name(i), { dtype: "F32", shape, data: new Float32Array(shape.length === 0 ? 1 : 0).fill(i) }];
      }),
    );
    await writeTorchCheckpoint(`${folder}/many.pt`, state);
    const read = findStateDict((await readTorchCheckpoint(`${folder}/many.pt`)).value);
    expect(new Map([...read].map(([key, tensor]) => [key, stateTensor(tensor)]))).toEqual(state);
  });

  test("types that torch.load has no storage class for are refused", () => {
    const state: StateDict = new Map([["w", { dtype: "F8_E4M3", shape: [1], data: new Uint8Array(1) }]]);
    expect(() => encodeTorchCheckpoint(state)).toThrow(/tensor "w" has a type that is not written.*found F8_E4M3/);
  });
});

const python = await installedPeerPython();
if (python === undefined) console.warn("PyTorch is not asked: `deno task bench step` makes its Python environment");

describe.skipIf(python === undefined)("PyTorch reads it with weights_only=True (needs the benchmarks' Python)", () => {
  const script = fileURLToPath(new URL("./load.py", import.meta.url));
  test("every type, shape and value, also mapped into memory", async () => {
    const state: StateDict = new Map(
      cases.flatMap((name) => [...stateOf(name)].map(([key, t]) => [`${name} ${key}`, t])),
    );
    await writeTorchCheckpoint(`${folder}/ours.pt`, state);
    const ours = findStateDict((await readTorchCheckpoint(`${folder}/ours.pt`)).value);
    expect(ours.size).toBeGreaterThan(100);
    const { stdout, success } = await new Deno.Command(python!, {
      args: [script, `${folder}/ours.pt`],
      stderr: "inherit",
    }).output();
    expect(success).toBe(true);
    const { type, tensors } = JSON.parse(new TextDecoder().decode(stdout)) as PythonAnswer;
    expect(type).toBe("OrderedDict");
    expect(tensors).toEqual([...ours].map(([name, tensor]) => [
      name,
      tensor.dtype,
      tensor.shape,
      tensor.stride,
      numbers(tensor),
    ]));
  }, 120_000);
});

interface PythonAnswer {
  readonly type: string;
  readonly tensors: unknown[];
}

/** As load.py prints them. */
function numbers(tensor: TorchTensor): unknown[] {
  return Array.from<number | bigint, unknown>(tensor.data(), (value) => {
    if (tensor.dtype.startsWith("float") || tensor.dtype === "bfloat16") return value;
    return tensor.dtype === "bool" ? (value === 1 ? "True" : "False") : `${value}`;
  });
}
