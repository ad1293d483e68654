/** Batch normalisation with the shortcut and the ReLU of a residual block, on TensorFlow's fused operators. */
import { keep, type Tensor, type Tensor1D, type Tensor5D } from "../../tf.ts";
import type { BatchNormGradients, BatchNormOptions, BatchNormResult, EngineOps } from "../types.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

export function batchNormOps(operators: Operators): Pick<EngineOps, "batchNorm" | "batchNormInference"> {
  return {
    batchNorm: (x, gamma, beta, options) => batchNorm(operators, x, gamma, beta, options),
    batchNormInference: (x, gamma, beta, mean, variance, options) =>
      batchNormInference(operators, x, [gamma, beta, mean, variance], options),
  };
}

interface Layout {
  readonly format: "NHWC" | "NDHWC";
  readonly shape: readonly number[];
}

/** Elements from which oneDNN's kernel, which takes four axes, is faster than TensorFlow's own, which takes five. */
const manyElements = 2 ** 16;

/** With four axes, depth joins the batch. */
function layoutOf([n, d, h, w, c]: Tensor5D["shape"]): Layout {
  return n * d * h * w * c < manyElements
    ? { format: "NDHWC", shape: [n, d, h, w, c] }
    : { format: "NHWC", shape: [n * d, h, w, c] };
}

/** The same values under another shape; shares memory. */
function viewAs(operators: Operators, x: Tensor, shape: readonly number[]): Tensor {
  return x.rank === shape.length ? x.clone() : operators.reshape(x, shape);
}

/** Training takes no mean and variance. */
const none = Constant.float32s([]);

function attributes({ format }: Layout, epsilon: number, training: boolean) {
  return [
    float32,
    attribute.type("U", dataTypes.TF_FLOAT),
    attribute.float("epsilon", epsilon),
    attribute.string("data_format", format),
    attribute.bool("is_training", training),
  ];
}

function batchNorm(
  operators: Operators,
  x: Tensor5D,
  gamma: Tensor1D,
  beta: Tensor1D,
  options: BatchNormOptions,
): BatchNormResult {
  const layout = layoutOf(x.shape), viewed = viewAs(operators, x, layout.shape);
  operators.assertRoom(x.size);
  const outputs = operators.runMany(
    "FusedBatchNormV3",
    attributes(layout, options.epsilon, true),
    [viewed, gamma, beta, none, none],
    6,
  );
  const [normalised, mean, variance, ...statistics] = outputs;
  const y = finish(operators, normalised!, x.shape, options);
  // What the gradient needs. Clones share memory; `keep` guards them from a caller's tidy.
  const saved = [viewed, gamma.clone(), ...statistics].map((tensor) => keep(tensor));
  let active = options.relu ? keep(y.clone()) : undefined;
  const release = () => {
    active?.dispose();
    active = undefined;
    for (const tensor of saved.splice(0)) tensor.dispose();
  };
  return {
    y,
    mean: mean as Tensor1D,
    variance: variance as Tensor1D,
    release,
    backward(dy) {
      // The ReLU's gradient is written over its result, which nobody needs afterwards.
      const dSum = active === undefined
        ? dy.clone()
        : operators.run("ReluGrad", [float32], [dy, active], [active]) as Tensor5D;
      active = undefined;
      const gradients = batchNormGradients(operators, dSum, saved, options);
      release();
      return gradients;
    },
  };
}

/** dL/dx, dL/dγ, dL/dβ and dL/dresidual from the gradient of what goes into the ReLU; consumes `dSum`. */
function batchNormGradients(
  operators: Operators,
  dSum: Tensor5D,
  saved: readonly Tensor[],
  options: BatchNormOptions,
): BatchNormGradients {
  const layout = layoutOf(dSum.shape), dViewed = viewAs(operators, dSum, layout.shape);
  operators.assertRoom(dSum.size);
  const [dxViewed, dGamma, dBeta, ...unused] = operators.runMany(
    "FusedBatchNormGradV3",
    attributes(layout, options.epsilon, true),
    [dViewed, ...saved],
    5,
  );
  const dx = viewAs(operators, dxViewed!, dSum.shape) as Tensor5D;
  for (const tensor of [dViewed, dxViewed!, ...unused]) tensor.dispose();
  const gradients = { dx, dGamma: dGamma as Tensor1D, dBeta: dBeta as Tensor1D };
  if (options.residual !== undefined) return { ...gradients, dResidual: dSum };
  dSum.dispose();
  return gradients;
}

function batchNormInference(
  operators: Operators,
  x: Tensor5D,
  parameters: readonly Tensor1D[],
  options: BatchNormOptions,
): Tensor5D {
  const layout = layoutOf(x.shape), viewed = viewAs(operators, x, layout.shape);
  operators.assertRoom(x.size);
  const [normalised, ...unused] = operators.runMany(
    "FusedBatchNormV3",
    attributes(layout, options.epsilon, false),
    [viewed, ...parameters],
    6,
  );
  for (const tensor of [viewed, ...unused]) tensor.dispose();
  return finish(operators, normalised!, x.shape, options);
}

/** Back to five axes, plus the residual, then the ReLU; consumes `normalised`. */
function finish(
  operators: Operators,
  normalised: Tensor,
  shape: Tensor5D["shape"],
  { relu, residual }: BatchNormOptions,
): Tensor5D {
  let y = viewAs(operators, normalised, shape);
  normalised.dispose();
  if (residual !== undefined) y = operators.run("AddV2", [float32], [y, residual], [y]);
  if (relu) y = operators.run("Relu", [float32], [y], [y]);
  return y as Tensor5D;
}
