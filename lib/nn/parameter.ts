/** What a network remembers between steps: trained parameters, running statistics and counters, by torch name. */
import * as tf from "../tf.ts";
import { RunError } from "../errors.ts";
import { fromTorch, type Layout, toTorch } from "./layout.ts";
import type { StateTensor } from "./safetensors.ts";

/** Anything that appears in a state dict. */
export interface StateEntry {
  /** torch state_dict name, e.g. "layer1.0.0.conv1.0.weight". */
  readonly name: string;
  /** Shape in torch's layout. */
  readonly torchShape: readonly number[];
  /** A host copy in torch's layout. */
  read(): Promise<StateTensor>;
  /** @throws RunError when dtype or shape do not fit */
  check(tensor: StateTensor): void;
  /** Replaces the value, after the same check. */
  write(tensor: StateTensor): void;
  dispose(): void;
}

/** A float32 tensor of a network, held on the engine in the engine's layout. */
export class Slot<T extends tf.Tensor = tf.Tensor> implements StateEntry {
  private tensor: T;

  /** `initial` is in torch's layout. */
  constructor(
    readonly name: string,
    readonly torchShape: readonly number[],
    readonly layout: Layout,
    initial: Float32Array,
  ) {
    this.tensor = this.upload(initial);
  }

  /** The current tensor: lent, not given. */
  get value(): T {
    return this.tensor;
  }

  get size(): number {
    return this.tensor.size;
  }

  /** Replaces the value: `change` owns the old tensor and gives up the new one (same shape). */
  update(change: (old: T) => T): void {
    const shape = this.tensor.shape;
    this.tensor = tf.keep(change(this.tensor));
    tf.util.assertShapesMatch(this.tensor.shape, shape, `${this.name}: `);
  }

  /** Takes ownership of `next` (same shape) and frees the old value. */
  assign(next: T): void {
    this.update((old) => {
      old.dispose();
      return next;
    });
  }

  async read(): Promise<StateTensor> {
    const data = await this.tensor.data() as Float32Array;
    return { dtype: "F32", shape: this.torchShape, data: toTorch(data, this.torchShape, this.layout) };
  }

  check(tensor: StateTensor): void {
    assertFits(this, "F32", tensor);
  }

  write(tensor: StateTensor): void {
    this.assign(this.upload(assertFits(this, "F32", tensor).data));
  }

  dispose(): void {
    this.tensor.dispose();
  }

  private upload(data: Float32Array): T {
    const { shape, values } = fromTorch(data, this.torchShape, this.layout);
    return tf.keep(tf.tensor(values, shape as number[], "float32")) as T;
  }
}

/** A trained tensor. */
export class Parameter<T extends tf.Tensor = tf.Tensor> extends Slot<T> {
  /** Set to leave a convolution's kernel as it is: its gradient is then not made. */
  frozen = false;

  constructor(
    name: string,
    torchShape: readonly number[],
    layout: Layout,
    initial: Float32Array,
    /** Whether weight decay applies: not to batch norm, not to any bias (fastai's `wd_bn_bias=False`). */
    readonly decay: boolean,
  ) {
    super(name, torchShape, layout, initial);
  }
}

/** PyTorch's `num_batches_tracked`: an int64 scalar, kept on the host. */
export class Counter implements StateEntry {
  readonly torchShape: readonly number[] = [];
  count = 0;

  constructor(readonly name: string) {}

  read(): Promise<StateTensor> {
    return Promise.resolve({ dtype: "I64", shape: [], data: BigInt64Array.of(BigInt(this.count)) });
  }

  check(tensor: StateTensor): void {
    assertFits(this, "I64", tensor);
  }

  write(tensor: StateTensor): void {
    this.count = Number(assertFits(this, "I64", tensor).data[0]);
  }

  dispose(): void {}
}

/** Receives each gradient (and owns it) as soon as the backward pass has made it. */
export type GradientSink = (parameter: Parameter, gradient: tf.Tensor) => void;

function assertFits<D extends StateTensor["dtype"]>(
  { name, torchShape }: StateEntry,
  dtype: D,
  tensor: StateTensor,
): Extract<StateTensor, { dtype: D }> {
  const sameShape = torchShape.length === tensor.shape.length &&
    torchShape.every((size, axis) => size === tensor.shape[axis]);
  if (tensor.dtype === dtype && sameShape) return tensor as Extract<StateTensor, { dtype: D }>;
  throw new RunError("weights.mismatch", `weight "${name}" does not fit this network`, {
    expected: `${dtype} [${torchShape.join(", ")}]`,
    found: `${tensor.dtype} [${tensor.shape.join(", ")}]`,
    hint: "Use the configuration that the weights were trained with",
  });
}
