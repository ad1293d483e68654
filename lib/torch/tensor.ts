/** Tensors of a checkpoint: views of storages with shape and strides, turned into numbers when asked. */
import { elementCount } from "../nn/shape.ts";
import { bytesPerElement, numbersFromBytes, swapBytes, type TorchArray, type TorchDtype } from "./dtypes.ts";
import type { TorchStorage } from "./storage.ts";

export interface TorchTensorFields {
  readonly dtype: TorchDtype;
  /** Sizes; [] for a scalar. */
  readonly shape: readonly number[];
  /** Steps between neighbours along each axis, in elements; 0 along an expanded axis. */
  readonly stride: readonly number[];
  /** First element, counted from the start of the storage. */
  readonly offset: number;
  readonly requiresGrad: boolean;
  /** True for a `torch.nn.Parameter`. */
  readonly parameter: boolean;
}

/**
 * A tensor of a checkpoint. Its place in the storage has been checked, so that reading cannot fail.
 * Tensors with the same `storageKey` share memory, as they did in PyTorch.
 */
export class TorchTensor implements TorchTensorFields {
  readonly dtype: TorchDtype;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly requiresGrad: boolean;
  readonly parameter: boolean;
  readonly #storage: TorchStorage;
  readonly #byteOffset: number;

  /** @param byteOffset first element in bytes from the start of the root storage */
  constructor(fields: TorchTensorFields, storage: TorchStorage, byteOffset: number) {
    this.dtype = fields.dtype;
    this.shape = fields.shape;
    this.stride = fields.stride;
    this.offset = fields.offset;
    this.requiresGrad = fields.requiresGrad;
    this.parameter = fields.parameter;
    this.#storage = storage;
    this.#byteOffset = byteOffset;
  }

  get storageKey(): string {
    return this.#storage.key;
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** Size in torch's own type, as if contiguous. */
  get byteLength(): number {
    return this.size * bytesPerElement(this.dtype);
  }

  /** The same tensor, marked as a parameter. */
  asParameter(requiresGrad: boolean): TorchTensor {
    return new TorchTensor({ ...this.#fields(), requiresGrad, parameter: true }, this.#storage, this.#byteOffset);
  }

  /** Same order of memory as C, so that the elements are one run of bytes. Axes of length 1 may have any stride. */
  get contiguous(): boolean {
    let step = 1;
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      const size = this.shape[axis]!;
      if (size === 0) return true;
      if (size !== 1 && this.stride[axis] !== step) return false;
      step *= size;
    }
    return true;
  }

  /**
   * The elements in C order. May be a view of the checkpoint's own bytes (and so of other tensors): copy before writing.
   * float16 and bfloat16 come as float32, int64 as BigInt64Array, bool as 0 and 1.
   */
  data(): TorchArray {
    return numbersFromBytes(this.dtype, this.bytes());
  }

  /** The elements in C order as little-endian bytes of `dtype`; may be a view of the checkpoint's own bytes. */
  bytes(): Uint8Array {
    const { bytes, bigEndian } = this.#storage;
    if (bytes === undefined) throw new Error(`storage ${this.storageKey} has no bytes`); // the readers attach them
    const width = bytesPerElement(this.dtype), length = this.byteLength;
    const ordered = this.contiguous || length === 0
      ? bytes.subarray(this.#byteOffset, this.#byteOffset + length)
      : this.#gather(bytes, width, length);
    return bigEndian && width > 1 ? swapBytes(ordered, width) : ordered;
  }

  /** The elements in C order as float32, whatever the type; wide types are rounded. May be a view: see {@link data}. */
  toFloat32(): Float32Array {
    const data = this.data();
    if (data instanceof Float32Array) return data;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      const rounded = new Float32Array(data.length);
      for (let i = 0; i < data.length; i++) rounded[i] = Number(data[i]);
      return rounded;
    }
    return new Float32Array(data);
  }

  #fields(): TorchTensorFields {
    const { dtype, shape, stride, offset, requiresGrad, parameter } = this;
    return { dtype, shape, stride, offset, requiresGrad, parameter };
  }

  /** Copies elements one by one, last axis fastest. */
  #gather(source: Uint8Array, width: number, length: number): Uint8Array {
    const target = new Uint8Array(length), last = this.shape.length - 1;
    const size = this.shape[last]!, step = this.stride[last]! * width;
    const index = new Array<number>(last).fill(0);
    for (let at = 0, row = this.#byteOffset; at < length;) {
      for (let i = 0, from = row; i < size; i++, from += step) {
        for (let k = 0; k < width; k++) target[at++] = source[from + k]!;
      }
      for (let axis = last - 1; axis >= 0; axis--) {
        row += this.stride[axis]! * width;
        if (++index[axis]! < this.shape[axis]!) break;
        row -= this.stride[axis]! * width * this.shape[axis]!;
        index[axis] = 0;
      }
    }
    return target;
  }
}
