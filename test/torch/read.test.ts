import { describe, expect, test } from "vitest";
import { DataError } from "../../lib/errors.ts";
import { decodeTorchCheckpoint, findStateDict, readTorchCheckpoint, TorchTensor } from "../../lib/torch/mod.ts";
import type { TorchValue } from "../../lib/torch/mod.ts";
import * as a from "./support/assembler.ts";
import { describeValue, expectedCases, folder, readable, readFixture } from "./support/fixtures.ts";

const decode = (name: string) => decodeTorchCheckpoint(readFixture(name), { file: name });

/** Code of the error that reading gives; "none" when there is none. */
function codeOf(read: () => unknown): string {
  try {
    read();
    return "none";
  } catch (error) {
    if (error instanceof DataError) return error.code;
    throw error;
  }
}

describe("what PyTorch wrote", () => {
  for (const container of ["zip", "legacy"] as const) {
    test.each(Object.keys(expectedCases))(`%s, ${container} container`, (name) => {
      const checkpoint = decode(`${name}.${container}.pt`);
      expect(checkpoint.container).toBe(container);
      expect(describeValue(checkpoint.value)).toEqual(expectedCases[name]);
    });
  }

  test.each(["deflated", "zip64", "plain_headers", "descriptors", "big_endian", "no_byteorder", "no_checksums"])(
    "an archive that is %s",
    (name) => expect(describeValue(decode(`${name}.pt`).value)).toEqual(expectedCases.dtypes),
  );

  test("pickle protocols 4 and 5", () => {
    for (const name of ["protocol4.zip.pt", "protocol5.legacy.pt"]) {
      expect(describeValue(decode(name).value), name).toEqual(expectedCases.state_dict);
    }
  });

  test("a storage view of files before PyTorch 0.4", () => {
    const { w } = Object.fromEntries(findStateDict(decode("storage_view.legacy.pt").value));
    expect([...w!.toFloat32()]).toEqual([3, 4, 5, 6]); // elements 2 to 6, offset 1
  });

  test("an OrderedDict of pairs with byte strings as names, as Python 2 pickled it", () => {
    const name = [0x55, 1, 0x77]; // SHORT_BINSTRING "w"
    const pair = [...a.emptyList, ...a.mark, ...name, ...a.tensor(), ...a.appends];
    const pairs = [...a.emptyList, ...a.mark, ...pair, ...a.appends];
    const state = findStateDict(
      decodeTorchCheckpoint(a.legacy(a.pickle(a.call("collections", "OrderedDict", pairs)))).value,
    );
    expect([...state].map(([key, tensor]) => [key, ...tensor.toFloat32()])).toEqual([["w", 1, 2, 3, 4]]);
  });

  test("seventy tensors, so that the memo passes one byte", () => {
    const state = findStateDict(decode("many.zip.pt").value);
    expect([...state].map(([name, tensor]) => [name, ...tensor.toFloat32()]))
      .toEqual(Array.from({ length: 70 }, (_, i) => [`layer.${i}.weight`, i, i]));
  });

  test("the names that were used are told", () => {
    expect(decode("parameters.zip.pt").globals).toEqual([
      "torch._utils._rebuild_parameter",
      "torch._utils._rebuild_tensor_v2",
      "torch.FloatStorage",
      "collections.OrderedDict",
    ]);
  });

  test("from a file, and numbers as float32 whatever the type", async () => {
    const state = findStateDict((await readTorchCheckpoint(`${folder}dtypes.legacy.pt`)).value);
    expect([...state.get("int64")!.toFloat32()]).toEqual([-(2 ** 63), 2 ** 63, 0, 1, 2, 3, 4]);
    expect([...state.get("bool")!.toFloat32()]).toEqual([1, 0, 0, 1, 0, 0, 1]);
    expect(state.get("float64")!.toFloat32()).toEqual(state.get("float32")!.data());
    expect(state.get("bfloat16")!.data()).toBeInstanceOf(Float32Array);
  });
});

describe("what is refused by name", () => {
  test.each([
    ["numpy_scalar", "torch.global-refused", /numpy\._core\.multiarray\.scalar at byte \d+/],
    [
      "namespace",
      "torch.global-refused",
      /argparse\.Namespace at byte \d+\. .*torch\.save\(model\.state_dict\(\), FILE\)/,
    ],
    ["module", "torch.global-refused", /torch\.nn\.modules\.linear\.Linear/],
    ["sparse", "torch.global-refused", /torch\._utils\._rebuild_sparse_tensor/],
    ["quantized", "torch.global-refused", /torch\._utils\._rebuild_qtensor/],
    ["set", "torch.global-refused", /__builtin__\.set/],
    ["complex", "torch.dtype-refused", /torch\.ComplexFloatStorage/],
    ["float8", "torch.dtype-refused", /torch\.float8_e4m3fn/],
    ["torchscript", "torch.torchscript-refused", /holds a program.*torch\.jit\.load/],
  ])("%s", (name, code, message) => {
    const file = `refused_${name}.pt`;
    expect(codeOf(() => decode(file))).toBe(code);
    expect(() => decode(file)).toThrow(message);
    expect(() => decode(file)).toThrow(file);
  });
});

describe("damage", () => {
  test.each(["state_dict.zip.pt", "state_dict.legacy.pt", "descriptors.pt", "protocol5.legacy.pt"])(
    "%s cut at every byte is a typed error",
    (name) => {
      const bytes = readFixture(name);
      for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(() => decodeTorchCheckpoint(bytes.subarray(0, length))), `${length}`).toMatch(/^torch\./);
      }
    },
  );

  test("a changed weight in an archive with checksums", () => {
    const bytes = readFixture("state_dict.zip.pt"), tensor = findStateDict(decodeTorchCheckpoint(bytes).value);
    const { byteOffset } = tensor.get("0.weight")!.toFloat32();
    bytes[byteOffset - bytes.byteOffset]! ^= 1;
    expect(codeOf(() => decodeTorchCheckpoint(bytes))).toBe("torch.zip-checksum");
  });

  test("limits, missing files and other files", async () => {
    const file = `${folder}views.zip.pt`;
    await expect(readTorchCheckpoint(file, { maxBytes: 100 })).rejects.toThrow(
      /larger than allowed.*at most 100 bytes/,
    );
    await expect(readTorchCheckpoint(`${folder}nothing.pt`)).rejects.toMatchObject({ code: "torch.unreadable" });
    await expect(readTorchCheckpoint(folder)).rejects.toMatchObject({ code: "torch.unreadable" });
    expect(codeOf(() => decodeTorchCheckpoint(readFixture("expected.json")))).toBe("torch.container");
    expect(codeOf(() => decodeTorchCheckpoint(new Uint8Array()))).toBe("torch.container");
  });
});

describe("findStateDict", () => {
  const plain = findStateDict(decode("state_dict.zip.pt").value);

  test("by itself, nested, and with module. before every name", () => {
    expect([...plain.keys()].slice(0, 2)).toEqual(["0.weight", "0.bias"]);
    for (const name of ["data_parallel.zip.pt", "training.legacy.pt"]) {
      const found = findStateDict(decode(name).value);
      expect([...found.keys()], name).toEqual([...plain.keys()]);
      expect(found.get("2.weight")!.data(), name).toEqual(plain.get("2.weight")!.data());
    }
  });

  test("module._orig_mod. too, and only where every name has it", () => {
    const rename = (
      change: (name: string) => string,
    ) => [
      ...findStateDict(new Map<string, TorchValue>([...plain].map(([name, value]) => [change(name), value]))).keys(),
    ];
    expect(rename((name) => `module._orig_mod.${name}`)).toEqual([...plain.keys()]);
    expect(rename((name) => name === "2.bias" ? name : `module.${name}`)[0]).toBe("module.0.weight");
  });

  test.each<[string, TorchValue, RegExp]>([
    ["a number", 3, /found a number/],
    ["a tensor", plain.get("0.weight")!, /found a float32 tensor \[2, 1, 2, 2, 2\]/],
    [
      "an optimizer",
      new Map<string, TorchValue>([["epoch", 3], ["optimizer", new Map()]]),
      /"epoch" \(a number\), "optimizer" \(a dictionary of 0\)/,
    ],
    [
      "a mixed dictionary",
      new Map<string, TorchValue>([["model", new Map<string, TorchValue>([...plain, ["extra", null]])]]),
      /under "model" a dictionary with 9 tensors and "extra" \(None\)/,
    ],
  ])("what is there instead: %s", (_, value, message) => {
    expect(codeOf(() => findStateDict(value))).toBe("torch.state-dict");
    expect(() => findStateDict(value, "weights.pt")).toThrow(message);
    expect(() => findStateDict(value, "weights.pt")).toThrow(/^weights\.pt: /);
  });
});

test("every readable fixture is in this suite", () => {
  expect(readable.length).toBe(2 * Object.keys(expectedCases).length + 11);
  for (const name of readable) expect(decode(name).value).not.toBeInstanceOf(TorchTensor);
});
