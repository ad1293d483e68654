/** The convolution oracles, whose tensors are filled in torch's layout, as volumes [N, D, H, W, C] and kernels of ours. */
import { type Shape5, sizeOf } from "../../lib/engine/reference.ts";
import type { Conv3dGeometry } from "../../lib/engine/types.ts";
import { hashFill } from "./hash_fill.ts";
import { oracle } from "./oracles.ts";

export interface ConvolutionOracle {
  readonly x: Float64Array;
  readonly w: Float64Array;
  readonly xShape: Shape5;
  readonly wShape: Shape5;
  readonly geometry: Conv3dGeometry;
  /** Values of y in our layout. */
  readonly expected: Float64Array;
}

const geometries: Record<string, Conv3dGeometry> = {
  "tfjs.padding.stride2": { stride: [2, 2, 2], padding: [1, 1, 1] },
  "tfjs.stem_conv": { stride: [1, 2, 2], padding: [1, 3, 3] },
};

/** Moves axes of a C-order array: axis i of the result is axis `order[i]` of `values`. */
function permute(values: ArrayLike<number>, shape: readonly number[], order: readonly number[]): Float64Array {
  const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
  const lengths = order.map((axis) => shape[axis]!);
  return Float64Array.from({ length: values.length }, (_, flat) => {
    let from = 0;
    for (let i = order.length - 1; i >= 0; i--) {
      from += (flat % lengths[i]!) * stride[order[i]!]!;
      flat = Math.floor(flat / lengths[i]!);
    }
    return values[from]!;
  });
}

const volumeOrder = [0, 2, 3, 4, 1] as const, kernelOrder = [2, 3, 4, 1, 0] as const;
const filled = (shape: readonly number[], seed: number) =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => hashFill(i, seed));
const ordered = (shape: readonly number[], order: readonly number[]) =>
  order.map((axis) => shape[axis]!) as unknown as Shape5;

export function convolutionOracle(id: string): ConvolutionOracle {
  const { inputs, expected } = oracle(id), geometry = geometries[id];
  if (geometry === undefined) throw new Error(`${id} is not a convolution`);
  const { x_shape, w_shape, x_seed, w_seed } = inputs;
  const values: number[] = expected.symmetric ?? expected.values;
  const side = (length: number, axis: 0 | 1 | 2) =>
    Math.floor((length + 2 * geometry.padding[axis] - w_shape[axis + 2]) / geometry.stride[axis]) + 1;
  const yShape = [x_shape[0], w_shape[0], side(x_shape[2], 0), side(x_shape[3], 1), side(x_shape[4], 2)];
  return {
    x: permute(filled(x_shape, x_seed), x_shape, volumeOrder),
    w: permute(filled(w_shape, w_seed), w_shape, kernelOrder),
    xShape: ordered(x_shape, volumeOrder),
    wShape: ordered(w_shape, kernelOrder),
    geometry,
    expected: permute(values, yShape, volumeOrder),
  };
}
