/** The binding itself: values of every type in and out, operators and their errors, handles. */
import { beforeAll, expect, test } from "vitest";
import type { Binding } from "../../../lib/engine/tensorflow/binding.ts";
import type { TensorflowEngine } from "../../../lib/engine/tensorflow/engine.ts";
import { dataTypes } from "../../../lib/engine/tensorflow/types.ts";
import { EngineError } from "../../../lib/errors.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines } from "../../support/engines.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const type = (value: number) => [{ name: "T", type: 4, value }];

describeEngines("binding", (engine) => {
  let binding: Binding;
  beforeAll(() => {
    binding = (engine() as TensorflowEngine).binding;
  });
  const roundTrip = (shape: number[], dtype: number, values: Parameters<Binding["createTensor"]>[2]) => {
    const id = binding.createTensor(shape, dtype, values);
    const read = binding.tensorDataSync(id);
    binding.deleteTensor(id);
    return read;
  };

  test("values of every type come back as they went in", () => {
    const floats = Float32Array.of(1.5, -0, NaN, Infinity, 1e-45, 3.4e38);
    expect(roundTrip([2, 3], dataTypes.TF_FLOAT, floats)).toEqual(floats);
    const integers = Int32Array.of(-2147483648, 2147483647, 0);
    expect(roundTrip([3], dataTypes.TF_INT32, integers)).toEqual(integers);
    expect(roundTrip([2, 1], dataTypes.TF_BOOL, Uint8Array.of(1, 0))).toEqual(Uint8Array.of(1, 0));
    expect(roundTrip([2], dataTypes.TF_UINT8, Uint8Array.of(255, 7))).toEqual(Uint8Array.of(255, 7));
    const complex = Float32Array.of(1, 2, -3, 4);
    expect(roundTrip([2], dataTypes.TF_COMPLEX64, complex)).toEqual(complex);
    const words = BigUint64Array.of(0xffffffffffffffffn, 1n);
    expect(roundTrip([2], dataTypes.TF_UINT64, words)).toEqual(words);
  });

  test("int64 goes in as two words and comes out as int32, or is refused", () => {
    expect(roundTrip([2], dataTypes.TF_INT64, Int32Array.of(5, 0, -7, -1))).toEqual(Int32Array.of(5, -7));
    expect(() => roundTrip([1], dataTypes.TF_INT64, Int32Array.of(0, 1))).toThrow(EngineError);
  });

  test("strings of any length and content, short and long", () => {
    const strings = ["", "a", "é", "x".repeat(22), "x".repeat(23), "long ".repeat(1000)].map(utf8);
    const bytes = Uint8Array.of(0, 255, 128, 0);
    expect(roundTrip([7], dataTypes.TF_STRING, [...strings, bytes])).toEqual([...strings, bytes]);
    expect(tf.tensor(["ab", "ç"]).reshape([2, 1]).arraySync()).toEqual([["ab"], ["ç"]]);
  });

  test("scalars, empty tensors and high ranks", () => {
    expect(roundTrip([], dataTypes.TF_FLOAT, Float32Array.of(3))).toEqual(Float32Array.of(3));
    expect(roundTrip([0, 4], dataTypes.TF_FLOAT, new Float32Array())).toEqual(new Float32Array());
    expect(roundTrip([0], dataTypes.TF_STRING, [])).toEqual([]);
    expect(roundTrip([1, 1, 1, 1, 1, 1, 1, 2], dataTypes.TF_INT32, Int32Array.of(1, 2))).toEqual(Int32Array.of(1, 2));
  });

  test("values that do not fit their type or shape are refused", () => {
    expect(() => binding.createTensor([2], dataTypes.TF_FLOAT, Int32Array.of(1, 2))).toThrow(/expected Float32Array/);
    expect(() => binding.createTensor([3], dataTypes.TF_FLOAT, Float32Array.of(1))).toThrow(/expected 3 values/);
    expect(() => binding.createTensor([2], dataTypes.TF_STRING, [utf8("a")])).toThrow(/expected 2 strings/);
    expect(() => binding.createTensor([1], 19, Float32Array.of(1))).toThrow(EngineError); // half
  });

  test("operators with one output, several, and as many as asked for", () => {
    const x = binding.createTensor([70, 2], dataTypes.TF_FLOAT, Float32Array.from({ length: 140 }, (_, i) => i));
    const attributes = [...type(dataTypes.TF_FLOAT), { name: "num", type: 1, value: 70 }];
    const rows = binding.executeOp("Unpack", attributes, [x], 70);
    expect(rows).toHaveLength(70);
    expect(rows[69]).toMatchObject({ shape: [2], dtype: dataTypes.TF_FLOAT });
    expect(binding.tensorDataSync(rows[69]!.id)).toEqual(Float32Array.of(138, 139));
    for (const id of [x, ...rows.map((row) => row.id)]) binding.deleteTensor(id);
  });

  test("errors are typed and name the operator; nothing leaks, and the binding goes on", () => {
    const before = binding.getNumOfTensors();
    const a = binding.createTensor([2], dataTypes.TF_FLOAT, Float32Array.of(1, 2));
    const b = binding.createTensor([3], dataTypes.TF_FLOAT, Float32Array.of(1, 2, 3));
    const failing = () => binding.executeOp("AddV2", type(dataTypes.TF_FLOAT), [a, b], 1);
    expect(failing).toThrow(EngineError);
    expect(failing).toThrow(/^AddV2: .*Incompatible shapes.*\(invalid argument\)/);
    expect(() => binding.executeOp("NoSuchOperator", [], [], 1)).toThrow(/^NoSuchOperator: /);
    expect(() => binding.executeOp("AddV2", [{ name: "T", type: 99, value: 1 }], [a, a], 1)).toThrow(/attribute "T"/);
    expect(() => binding.executeOp("AddV2", [], [a, 123456], 1)).toThrow(/tensor 123456 does not exist/);
    const [sum] = binding.executeOp("AddV2", type(dataTypes.TF_FLOAT), [a, a], 1);
    expect(binding.tensorDataSync(sum!.id)).toEqual(Float32Array.of(2, 4));
    for (const id of [a, b, sum!.id]) binding.deleteTensor(id);
    expect(() => binding.deleteTensor(a)).toThrow(/was deleted/);
    expect(binding.getNumOfTensors()).toBe(before);
  });

  test("handles are flat over 1,000 steps of everything that training does", () => {
    const { ops } = engine();
    const x = tf.randomNormal([1, 4, 6, 6, 2]) as tf.Tensor5D, w = tf.randomNormal([3, 3, 3, 2, 2]) as tf.Tensor5D;
    const gamma = tf.ones([2]) as tf.Tensor1D, beta = tf.zeros([2]) as tf.Tensor1D;
    const geometry = { stride: [2, 2, 2], padding: [1, 1, 1] } as const;
    const step = (index: number) => {
      const y = ops.conv3d(x, w, geometry);
      const normalised = ops.batchNorm(y, gamma, beta, { epsilon: 1e-5, relu: true, residual: y });
      const dropped = ops.dropout(normalised.y, 0.5, { key: [1, 2], counter: [0, index] });
      const dNormalised = dropped.backward(dropped.y);
      const { dx, dGamma, dBeta, dResidual } = normalised.backward(dNormalised);
      const parts = [ops.conv3dInputGrad(dx, w, x.shape, geometry), ops.conv3dFilterGrad(x, dx, w.shape, geometry)];
      const own = [normalised.y, normalised.mean, normalised.variance, dropped.y, dNormalised];
      tf.dispose([y, ...own, dx, dGamma, dBeta, dResidual!, ...parts]);
    };
    step(0);
    const before = engine().memory();
    for (let index = 1; index <= 1000; index++) step(index);
    const after = engine().memory();
    expect(after.handles).toBe(before.handles);
    expect(after.tensors).toBe(before.tensors);
    expect(after.residentBytes - before.residentBytes).toBeLessThan(100e6);
    tf.dispose([x, w, gamma, beta]);
  });
}, ["tensorflow"]);
