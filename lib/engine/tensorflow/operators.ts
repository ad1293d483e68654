/** Raw TensorFlow operators on TensorFlow.js tensors, for the operations that core TensorFlow.js lacks. */
import type { Tensor, TensorInfo } from "../../tf.ts";
import type { OpAttribute } from "./attributes.ts";
import type { NodeBackend } from "./backend.ts";
import type { Binding } from "./binding.ts";
import { attributeTypes, dataTypes } from "./types.ts";

export const attribute = {
  integer: (name: string, value: number): OpAttribute => ({ name, type: attributeTypes.TF_ATTR_INT, value }),
  type: (name: string, value: number): OpAttribute => ({ name, type: attributeTypes.TF_ATTR_TYPE, value }),
  integers: (name: string, value: readonly number[]): OpAttribute => ({
    name,
    type: attributeTypes.TF_ATTR_INT,
    value,
  }),
  shape: (name: string, value: readonly number[]): OpAttribute => ({
    name,
    type: attributeTypes.TF_ATTR_SHAPE,
    value,
  }),
  float: (name: string, value: number): OpAttribute => ({ name, type: attributeTypes.TF_ATTR_FLOAT, value }),
  bool: (name: string, value: boolean): OpAttribute => ({ name, type: attributeTypes.TF_ATTR_BOOL, value }),
  string: (name: string, value: string): OpAttribute => ({ name, type: attributeTypes.TF_ATTR_STRING, value }),
  strings: (name: string, value: readonly string[]): OpAttribute => ({
    name,
    type: attributeTypes.TF_ATTR_STRING,
    value,
  }),
};

export const float32 = attribute.type("T", dataTypes.TF_FLOAT);

/** An input: a tensor, or values that are uploaded for this one call. */
export type Input = TensorInfo | Constant;

export class Constant {
  private constructor(
    readonly shape: readonly number[],
    readonly dtype: number,
    readonly values: Int32Array | Float32Array | BigUint64Array,
  ) {}

  static int32(value: number): Constant {
    return new Constant([], dataTypes.TF_INT32, Int32Array.of(value));
  }
  static int32s(values: readonly number[], shape: readonly number[] = [values.length]): Constant {
    return new Constant(shape, dataTypes.TF_INT32, Int32Array.from(values));
  }
  static float32(value: number): Constant {
    return new Constant([], dataTypes.TF_FLOAT, Float32Array.of(value));
  }
  static float32s(values: readonly number[]): Constant {
    return new Constant([values.length], dataTypes.TF_FLOAT, Float32Array.from(values));
  }
  static uint64s(values: readonly bigint[]): Constant {
    return new Constant([values.length], dataTypes.TF_UINT64, BigUint64Array.from(values));
  }
}

export class Operators {
  constructor(private readonly backend: NodeBackend, private readonly binding: Binding) {}

  /** Runs an operator with one output. */
  run(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly Input[],
    consumed: readonly Tensor[] = [],
  ): Tensor {
    return this.runMany(name, attributes, inputs, 1, consumed)[0]!;
  }

  /**
   * Runs an operator with a known number of outputs; the caller owns them all. Inputs that are `consumed` are disposed:
   * an element-wise operator writes over such an input when nobody else has its memory.
   */
  runMany(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly Input[],
    outputs: number,
    consumed: readonly Tensor[] = [],
  ): Tensor[] {
    const temporary: number[] = [];
    const ids = inputs.map((input) => {
      if (!(input instanceof Constant)) return this.backend.getInputTensorIds([input])[0]!;
      const id = this.binding.createTensor(input.shape, input.dtype, input.values);
      temporary.push(id);
      return id;
    });
    try {
      return this.binding.executeOp(name, attributes, ids, outputs, () => consumed.forEach((x) => x.dispose()))
        .map((metadata) => this.backend.createOutputTensor(metadata));
    } finally {
      for (const id of temporary) this.binding.deleteTensor(id);
    }
  }

  /**
   * Throws what TensorFlow says when there is no memory for so many float32 numbers. oneDNN's operators do not look
   * whether they were given their memory and would take the process down; nothing is written, so it costs no time.
   */
  assertRoom(elements: number): void {
    if (elements >= manyElements) this.run("Empty", emptyAttributes, [Constant.int32s([elements])]).dispose();
  }

  /** The same elements under another shape; shares memory. */
  reshape(x: TensorInfo, shape: readonly number[]): Tensor {
    return this.run("Reshape", [float32, int32Shape], [x, Constant.int32s(shape)]);
  }
}

/** Blocks from 1 MiB on are looked after; smaller ones fail when hardly anything works any more. */
const manyElements = 2 ** 18;
const emptyAttributes = [attribute.type("dtype", dataTypes.TF_FLOAT), attribute.bool("init", false)];
const int32Shape = attribute.type("Tshape", dataTypes.TF_INT32);
