/** Convolution with what follows it at inference in one pass: + bias (+ summand) (then ReLU), oneDNN's fused kernel. */
import { EngineError } from "../../errors.ts";
import * as tf from "../../tf.ts";
import type { Tensor, Tensor1D, Tensor5D } from "../../tf.ts";
import type { Conv3dGeometry } from "../types.ts";
import { planFor, withPadding } from "./conv3d.ts";
import { attribute, type Operators } from "./operators.ts";

export interface FusedOptions {
  /** f32 [out] */
  readonly bias: Tensor1D;
  readonly relu: boolean;
  /** Added before the ReLU; of the result's shape. Consumed: the result is written over it. */
  readonly summand?: Tensor5D | undefined;
}

/** The kernel is meant for rewritten graphs; under this label eager mode runs it too. */
const oneDnnKernel = attribute.string("_kernel", "MklNameChangeOp");

/**
 * oneDNN's ReLU makes zeros of NaN, and weights that diverged would give sound-looking answers. Its leaky ReLU lets NaN
 * through; what leaks with this slope is lost in the rounding of the next layer, and is no denormal number yet.
 */
const leakyRelu = { operator: "LeakyRelu", slope: attribute.float("leakyrelu_alpha", 1e-30) };

/** relu?(x * w + bias + summand?), x [N, D, H, W, in], w [kD, kH, kW, in, out]; a ReLU leaves −1e-30·|y| of a y < 0. */
export function fusedConv3d(
  operators: Operators,
  x: Tensor5D,
  w: Tensor5D,
  geometry: Conv3dGeometry,
  { bias, relu, summand }: FusedOptions,
): Tensor5D {
  const plan = planFor(x.shape, w.shape, geometry);
  const summands = summand === undefined ? [] : [summand];
  const attributes = [
    ...plan.attributes,
    attribute.integer("num_args", 1 + summands.length),
    attribute.strings("fused_ops", ["BiasAdd", ...summands.map(() => "Add"), ...(relu ? [leakyRelu.operator] : [])]),
    ...(relu ? [leakyRelu.slope] : []),
    oneDnnKernel,
  ];
  const run = (padded: Tensor) =>
    operators.run("_MklNativeFusedConv3D", attributes, [padded, w, bias, ...summands], summands);
  return withPadding(operators, x, plan, run);
}

/** Whether this TensorFlow has the kernel (builds for x86-64 do) and it computes what it should. */
export function hasFusedConv3d(operators: Operators): boolean {
  return tf.tidy(() => {
    const x = tf.tensor5d([1, NaN, -3, 4], [1, 1, 2, 2, 1]), w = tf.tensor5d([2], [1, 1, 1, 1, 1]);
    const summand = tf.tensor5d([0, 1, 0, -20], x.shape), bias = tf.tensor1d([0.5]);
    const geometry = { stride: [1, 1, 1], padding: [0, 0, 0] } as const;
    try {
      const y = fusedConv3d(operators, x, w, geometry, { bias, summand, relu: true }).dataSync();
      return [2.5, NaN, 0, 0].every((value, i) =>
        Number.isNaN(value) ? Number.isNaN(y[i]) : Math.abs(value - y[i]!) < 1e-6
      );
    } catch (error) {
      if (error instanceof EngineError) return false;
      throw error;
    }
  });
}
