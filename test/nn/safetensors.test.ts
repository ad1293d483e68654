import fc from "fast-check";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RunError } from "../../lib/errors.ts";
import { decodeSafetensors, encodeSafetensors, type StateDict, type StateTensor } from "../../lib/nn/safetensors.ts";
import { readSafetensors, writeSafetensors } from "../../lib/weights/safetensors_file.ts";

const sample = (): StateDict =>
  new Map<string, StateTensor>([
    ["fc.weight", { dtype: "F32", shape: [1, 3], data: Float32Array.of(1, -2.5, NaN) }],
    ["bn.num_batches_tracked", { dtype: "I64", shape: [], data: BigInt64Array.of(-7n) }],
    ["half", { dtype: "BF16", shape: [1], data: Uint8Array.of(0x80, 0x3f) }],
    ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array() }],
  ]);

/** A file with this header and data, however wrong. */
function file(header: unknown, data = new Uint8Array()): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = new TextEncoder().encode(text);
  const whole = new Uint8Array(8 + bytes.length + data.length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(bytes.length), true);
  whole.set(bytes, 8);
  whole.set(data, 8 + bytes.length);
  return whole;
}

describe("safetensors", () => {
  test("round trip keeps names, order, types, shapes, bytes and metadata", () => {
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(sample(), { format: "pt" }));
    expect([...tensors]).toEqual([...sample()]);
    expect(metadata).toEqual({ format: "pt" });
  });

  test("reads a file written out by hand", () => {
    const header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ';
    const { tensors } = decodeSafetensors(file(header, new Uint8Array(Float32Array.of(1.5, -2).buffer)));
    expect(tensors.get("a")).toEqual({ dtype: "F32", shape: [2], data: Float32Array.of(1.5, -2) });
  });

  test("data starts aligned and wide types come first", () => {
    const bytes = encodeSafetensors(sample());
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header["bn.num_batches_tracked"].data_offsets).toEqual([0, 8]);
    expect(header.half.data_offsets).toEqual([20, 22]);
  });

  test("any float32 tensors survive", () => {
    const tensor = fc.float32Array({ maxLength: 20 });
    fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }), tensor, { maxKeys: 5 }), (content) => {
      const named = Object.entries(content).filter(([name]) => name !== "__metadata__" && name !== "__proto__");
      const tensors: StateDict = new Map(
        named.map(([name, data]) => [name, { dtype: "F32", shape: [data.length], data }]),
      );
      const back = decodeSafetensors(encodeSafetensors(tensors)).tensors;
      expect(back.size).toBe(tensors.size);
      for (const [name, { data }] of tensors) expect(back.get(name)?.data).toEqual(data);
    }));
  });

  const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const eight = new Uint8Array(8);
  const damaged: Record<string, [bytes: Uint8Array, message: RegExp]> = {
    "nothing": [new Uint8Array(), /shorter than its header/],
    "a header length beyond the file": [file("{}").fill(0xff, 0, 8), /header is cut short/],
    "text that is not JSON": [file("{nonsense"), /not JSON/],
    "bytes that are not UTF-8": [file({}).fill(0xff, 8), /not JSON/],
    "an array": [file([]), /not an object/],
    "metadata that is not strings": [file({ __metadata__: { a: 1 } }), /map of strings/],
    "a tensor without description": [file({ a: 3 }), /no description/],
    "an unknown dtype": [file({ a: entry(0, 8, [2], "F31") }, eight), /unknown dtype/],
    "a negative size": [file({ a: entry(0, 8, [-2]) }, eight), /bad shape/],
    "a fractional size": [file({ a: entry(0, 8, [0.5, 4]) }, eight), /bad shape/],
    "offsets the wrong way round": [file({ a: { ...entry(0, 8), data_offsets: [8, 0] } }, eight), /bad offsets/],
    "a tensor of the wrong size": [file({ a: entry(0, 8, [3]) }, eight), /wrong size/],
    "overlapping tensors": [file({ a: entry(0, 8), b: entry(4, 8) }, eight), /overlaps/],
    "a gap": [file({ a: entry(4, 8) }, eight), /gap/],
    "truncated data": [file({ a: entry(0, 16) }, eight), /cut short/],
    "bytes left over": [file({ a: entry(0, 4) }, eight), /after the last tensor/],
  };
  for (const [name, [bytes, message]] of Object.entries(damaged)) {
    test(`refuses ${name}`, () => {
      expect(() => decodeSafetensors(bytes, "weights.safetensors")).toThrow(RunError);
      expect(() => decodeSafetensors(bytes, "weights.safetensors")).toThrow(message);
      expect(() => decodeSafetensors(bytes, "weights.safetensors")).toThrow(/^weights\.safetensors: /);
    });
  }

  test("every truncation of a real file is refused", () => {
    const whole = encodeSafetensors(sample());
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length)), `${length} bytes`).toThrow(RunError);
    }
  });

  test("a tensor whose data does not fit its shape is not written", () => {
    const wrong: StateDict = new Map([["a", { dtype: "F32", shape: [3], data: new Float32Array(2) }]]);
    expect(() => encodeSafetensors(wrong)).toThrow(/cannot be written/);
  });

  test("files are replaced whole, and a missing one is named", async () => {
    const folder = await Deno.makeTempDir();
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, sample());
    await writeSafetensors(path, sample(), { step: "2" });
    const { tensors, metadata } = await readSafetensors(path);
    expect([...tensors.keys()]).toEqual([...sample().keys()]);
    expect(metadata).toEqual({ step: "2" });
    expect([...Deno.readDirSync(folder)].map(({ name }) => name)).toEqual(["model.safetensors"]);
    await Deno.remove(folder, { recursive: true });
    await expect(readSafetensors(path)).rejects.toThrow(/model\.safetensors: weights file cannot be read/);
  });
});
