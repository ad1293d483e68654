/** Batch normalisation, fused with ReLU and residual, as engine operations. */
import * as tf from "../../tf.ts";
import { assertFits, assertShape } from "../batch_norm_shapes.ts";
import type { BatchNormGradients, BatchNormOptions, BatchNormResult, EngineOps } from "../types.ts";
import * as programs from "./batch_norm_programs.ts";
import type { Binding, Gpu } from "./gpu.ts";
import { type Rows, rowsOf, runColumns, runRows } from "./rows.ts";

/** y = (x − mean)·scale + β (+ residual) (then ReLU). */
function normalise(gpu: Gpu, layout: Rows, x: tf.Tensor5D, table: Binding, options: BatchNormOptions): tf.Tensor5D {
  const { relu, residual } = options, { tensor, binding } = gpu.allocate(x.shape);
  runRows(gpu, layout, {
    label: "batch norm: normalise",
    code: programs.normalise(layout, { relu, residual: residual !== undefined }),
    inputs: [x, ...(residual === undefined ? [] : [residual])].map((part) => gpu.bindingOf(part)),
    tables: [table],
    outputs: [binding],
  });
  return tensor as tf.Tensor5D;
}

/** Statistics of the batch and the table made of them. */
function statistics(gpu: Gpu, layout: Rows, x: tf.Tensor5D, [gamma, beta]: readonly tf.Tensor1D[], epsilon: number) {
  const { channels, chunks } = layout, partial = gpu.scratch(8 * channels * chunks);
  runRows(gpu, layout, {
    label: "batch norm: moments",
    code: programs.moments(layout),
    inputs: [gpu.bindingOf(x)],
    tables: [],
    outputs: [],
    tablesOut: [partial.binding],
  });
  const [mean, variance, table] = [[channels], [channels], [4 * channels]].map((shape) => gpu.allocate(shape));
  runColumns(gpu, layout, {
    label: "batch norm: statistics",
    code: programs.finishMoments(layout),
    inputs: [partial.binding, gpu.bindingOf(gamma!), gpu.bindingOf(beta!)],
    outputs: [mean!, variance!, table!].map(({ binding }) => binding),
  }, { f32: epsilon });
  partial.release();
  return { mean: mean!.tensor as tf.Tensor1D, variance: variance!.tensor as tf.Tensor1D, table: table!.tensor };
}

/** What the gradient needs from the forward pass. */
interface Saved {
  readonly x: tf.Tensor5D;
  /** Kept where the ReLU's mask cannot be computed again from x. */
  readonly y: tf.Tensor5D | undefined;
  readonly table: tf.Tensor;
  readonly options: BatchNormOptions;
}

/** dγ and dβ; the gradient before the ReLU where it is wanted; what the gradient of x needs (released by the caller). */
function gradientSums(gpu: Gpu, layout: Rows, { x, y, table, options: { relu, residual } }: Saved, dy: tf.Tensor5D) {
  const { channels, chunks } = layout, partial = gpu.scratch(8 * channels * chunks);
  const dResidual = y === undefined ? undefined : gpu.allocate(x.shape);
  runRows(gpu, layout, {
    label: "batch norm: gradient sums",
    code: programs.gradientSums(layout, { relu, residual: residual !== undefined }),
    inputs: [x, dy, ...(y === undefined ? [] : [y])].map((part) => gpu.bindingOf(part)),
    tables: [gpu.bindingOf(table)],
    outputs: dResidual === undefined ? [] : [dResidual.binding],
    tablesOut: [partial.binding],
  });
  const [dGamma, dBeta] = [gpu.allocate([channels]), gpu.allocate([channels])], slopes = gpu.scratch(8 * channels);
  runColumns(gpu, layout, {
    label: "batch norm: gradients",
    code: programs.finishGradientSums(layout),
    inputs: [partial.binding, gpu.bindingOf(table)],
    outputs: [dGamma!.binding, dBeta!.binding, slopes.binding],
  }, 0);
  partial.release();
  return {
    dGamma: dGamma!.tensor as tf.Tensor1D,
    dBeta: dBeta!.tensor as tf.Tensor1D,
    dResidual: dResidual?.tensor as tf.Tensor5D | undefined,
    slopes,
  };
}

function gradients(gpu: Gpu, saved: Saved, dy: tf.Tensor5D): BatchNormGradients {
  const { x, table, options: { relu, residual } } = saved, layout = rowsOf(x);
  const { dGamma, dBeta, dResidual, slopes } = gradientSums(gpu, layout, saved, dy);
  const { tensor: dx, binding } = gpu.allocate(x.shape);
  runRows(gpu, layout, {
    label: "batch norm: input gradient",
    code: programs.inputGradient(layout, relu && dResidual === undefined),
    inputs: [gpu.bindingOf(x), gpu.bindingOf(dResidual ?? dy)],
    tables: [gpu.bindingOf(table), slopes.binding],
    outputs: [binding],
  });
  slopes.release();
  const result = { dx: dx as tf.Tensor5D, dGamma, dBeta };
  return residual === undefined ? result : { ...result, dResidual: dResidual ?? dy.clone() };
}

function batchNorm(
  gpu: Gpu,
  x: tf.Tensor5D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  options: BatchNormOptions,
): BatchNormResult {
  assertFits(x, { gamma, beta }, options.residual);
  const layout = rowsOf(x), { mean, variance, table } = statistics(gpu, layout, x, [gamma, beta], options.epsilon);
  const y = normalise(gpu, layout, x, gpu.bindingOf(table), options);
  // Clones share memory; `keep` guards them from a caller's tidy.
  const saved: Saved = {
    x: tf.keep(x.clone()),
    y: options.relu && options.residual ? tf.keep(y.clone()) : undefined,
    table: tf.keep(table),
    options,
  };
  const release = () => tf.dispose([saved.x, saved.y ?? [], table]);
  return {
    y,
    mean,
    variance,
    backward(dy) {
      assertShape("the gradient", dy, x.shape);
      const result = gradients(gpu, saved, dy);
      release();
      return result;
    },
    release,
  };
}

export const batchNormOps = (gpu: Gpu): Pick<EngineOps, "batchNorm" | "batchNormInference"> => ({
  batchNorm: (x, gamma, beta, options) => batchNorm(gpu, x, gamma, beta, options),
  batchNormInference(x, gamma, beta, mean, variance, options) {
    assertFits(x, { gamma, beta, mean, variance }, options.residual);
    const layout = rowsOf(x), table = gpu.scratch(16 * layout.channels);
    runColumns(gpu, layout, {
      label: "batch norm: table",
      code: programs.tableOfStatistics(layout),
      inputs: [gamma, beta, mean, variance].map((tensor) => gpu.bindingOf(tensor)),
      outputs: [table.binding],
    }, { f32: options.epsilon });
    const y = normalise(gpu, layout, x, table.binding, options);
    table.release();
    return y;
  },
});
