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

/** FusedBatchNormV3 knows four axes: depth joins the batch. */
function fourAxes([n, d, h, w, c]: Tensor5D["shape"]): number[] {
  return [n * d, h, w, c];
}

/** Training takes no mean and variance. */
const none = Constant.float32s([]);

function attributes(epsilon: number, training: boolean) {
  return [
    float32,
    attribute.type("U", dataTypes.TF_FLOAT),
    attribute.float("epsilon", epsilon),
    attribute.string("data_format", "NHWC"),
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
  const x4 = operators.reshape(x, fourAxes(x.shape));
  const outputs = operators.runMany(
    "FusedBatchNormV3",
    attributes(options.epsilon, true),
    [x4, gamma, beta, none, none],
    6,
  );
  const [normalised, mean, variance, ...statistics] = outputs;
  const y = finish(operators, normalised!, x.shape, options);
  // What the gradient needs. Clones share memory; `keep` guards them from a caller's tidy.
  const saved = [x4, gamma.clone(), ...statistics].map((tensor) => keep(tensor));
  const active = options.relu ? keep(y.clone()) : undefined;
  const release = () => {
    active?.dispose();
    for (const tensor of saved.splice(0)) tensor.dispose();
  };
  return {
    y,
    mean: mean as Tensor1D,
    variance: variance as Tensor1D,
    release,
    backward(dy) {
      const gradients = batchNormGradients(operators, dy, active, saved, options);
      release();
      return gradients;
    },
  };
}

/** dL/dx, dL/dγ, dL/dβ and dL/dresidual; `active` is the ReLU's result, where there is a ReLU. */
function batchNormGradients(
  operators: Operators,
  dy: Tensor5D,
  active: Tensor5D | undefined,
  saved: readonly Tensor[],
  options: BatchNormOptions,
): BatchNormGradients {
  const dSum = active === undefined ? dy.clone() : operators.run("ReluGrad", [float32], [dy, active]) as Tensor5D;
  const dSum4 = operators.reshape(dSum, fourAxes(dy.shape));
  const [dx4, dGamma, dBeta, ...unused] = operators.runMany(
    "FusedBatchNormGradV3",
    attributes(options.epsilon, true),
    [dSum4, ...saved],
    5,
  );
  const dx = operators.reshape(dx4!, dy.shape) as Tensor5D;
  for (const tensor of [dSum4, dx4!, ...unused]) tensor.dispose();
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
  const x4 = operators.reshape(x, fourAxes(x.shape));
  const [normalised, ...unused] = operators.runMany(
    "FusedBatchNormV3",
    attributes(options.epsilon, false),
    [x4, ...parameters],
    6,
  );
  for (const tensor of [x4, ...unused]) tensor.dispose();
  return finish(operators, normalised!, x.shape, options);
}

/** Back to five axes, plus the residual, then the ReLU; consumes `normalised`. */
function finish(
  operators: Operators,
  normalised: Tensor,
  shape: Tensor5D["shape"],
  { relu, residual }: BatchNormOptions,
): Tensor5D {
  const steps = [normalised, operators.reshape(normalised, shape)];
  if (residual !== undefined) steps.push(operators.run("AddV2", [float32], [steps.at(-1)!, residual]));
  if (relu) steps.push(operators.run("Relu", [float32], [steps.at(-1)!]));
  const y = steps.pop() as Tensor5D;
  for (const tensor of steps) tensor.dispose();
  return y;
}
