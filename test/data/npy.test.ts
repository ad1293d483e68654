import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeNpy, encodeNpy } from "../../lib/data/npy.ts";
import { numpyPython } from "./support/python.ts";
import { fixtures } from "./support/goldens.ts";
import { temporaryFolder } from "./support/datasets.ts";

const read = (name: string) => Deno.readFileSync(`${fixtures}${name}.npy`);
const values = Float32Array.from({ length: 24 }, (_, i) => i / 7 - 1);

describe("files that NumPy wrote", () => {
  test("float32, float16 and uint8", () => {
    expect(decodeNpy(read("float32"))).toMatchObject({ dtype: "float32", shape: [2, 3, 4], data: values });
    expect(decodeNpy(read("float16"))).toMatchObject({ dtype: "float16", data: new Float16Array(values) });
    expect(decodeNpy(read("uint8"))).toMatchObject({ shape: [6], data: Uint8Array.of(0, 1, 2, 3, 4, 5) });
  });

  test("ours are the same bytes", () => {
    expect(encodeNpy({ shape: [2, 3, 4], data: values })).toEqual(read("float32"));
    expect(encodeNpy({ shape: [2, 3, 4], data: new Float16Array(values) })).toEqual(read("float16"));
    expect(encodeNpy({ shape: [6], data: Uint8Array.of(0, 1, 2, 3, 4, 5) })).toEqual(read("uint8"));
  });
});

const python = await numpyPython();
test.skipIf(python === undefined)(
  "NumPy reads ours, also with bytes behind the array (needs Python with NumPy)",
  async () => {
    const file = `${temporaryFolder()}/ours.npy`;
    const npy = encodeNpy({ shape: [2, 3, 4], data: new Float16Array(values) });
    Deno.writeFileSync(file, new Uint8Array([...npy, 1, 2, 3]));
    const program =
      "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.dtype, a.shape, float(a.astype('f8').sum()))";
    const { stdout } = await new Deno.Command(python!, { args: ["-c", program, file] }).output();
    const sum = new Float16Array(values).reduce((total, value) => total + value, 0);
    expect(new TextDecoder().decode(stdout).trim()).toBe(`float16 (2, 3, 4) ${sum}`);
  },
);

test("any array comes back, from any byte offset", () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 0, maxLength: 4 });
  fc.assert(fc.property(shapes, fc.constantFrom("float16", "float32", "uint8"), fc.nat(3), (shape, dtype, shift) => {
    const length = shape.reduce((product, side) => product * side, 1);
    const numbers = Array.from({ length }, (_, i) => i % 251);
    const Type = { float16: Float16Array, float32: Float32Array, uint8: Uint8Array }[dtype];
    const bytes = encodeNpy({ shape, data: Type.from(numbers) });
    const shifted = new Uint8Array(bytes.length + shift);
    shifted.set(bytes, shift);
    const array = decodeNpy(shifted.subarray(shift));
    expect(array.shape).toEqual(shape);
    expect([...array.data]).toEqual(numbers);
    expect(array.byteLength).toBe(bytes.length);
  }));
});

test("shape and values must agree", () => {
  expect(() => encodeNpy({ shape: [2, 2], data: new Uint8Array(3) })).toThrow(RangeError);
});
