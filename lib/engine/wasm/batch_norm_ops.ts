/** Batch normalisation, fused with ReLU and residual, as engine operations. */
import * as tf from "../../tf.ts";
import { assertFits, assertShape } from "../batch_norm_shapes.ts";
import type { BatchNormGradients, BatchNormOptions, BatchNormResult, EngineOps } from "../types.ts";
import type { Heap, Take } from "./heap.ts";

/**
 * A tensor [voxels, channels] as rows of whole vectors: channels repeated until there is a multiple of 4 of them. The
 * voxels that do not fill a row are left over; they are copied to a row of their own.
 */
interface Layout {
  readonly channels: number;
  readonly voxels: number;
  readonly lanes: number;
  readonly rows: number;
  /** Values after the last whole row. */
  readonly rest: number;
}

function layoutOf(x: tf.Tensor): Layout {
  const channels = x.shape[x.shape.length - 1]!, voxels = x.size / channels;
  const lanes = channels % 4 === 0 ? channels : channels % 2 === 0 ? 2 * channels : 4 * channels;
  const rows = Math.floor(x.size / lanes);
  return { channels, voxels, lanes, rows, rest: x.size - rows * lanes };
}

/** A table of one float32 per lane, in scratch space. */
function laneTable(heap: Heap, take: Take, { channels, lanes }: Layout, value: (channel: number) => number): number {
  const address = take(4 * lanes), values = heap.f32;
  for (let lane = 0; lane < lanes; lane++) values[address / 4 + lane] = value(lane % channels);
  return address;
}

/** Zeroed float64 sums, one per lane. */
function laneSums(heap: Heap, take: Take, { lanes }: Layout): number {
  const address = Math.ceil(take(8 * lanes + 8) / 8) * 8;
  heap.f64.fill(0, address / 8, address / 8 + lanes);
  return address;
}

/** Lane sums added up by channel, in lane order. */
function channelSums(heap: Heap, address: number, { channels, lanes }: Layout): Float64Array {
  const sums = new Float64Array(channels), values = heap.f64;
  for (let lane = 0; lane < lanes; lane++) sums[lane % channels]! += values[address / 8 + lane]!;
  return sums;
}

/**
 * Calls `visit` with addresses of consecutive rows of several tensors: first all whole rows, then one row with what is
 * left over, copied to scratch space (and back, for the outputs). Lanes without a value hold 0, which adds to no sum.
 */
function forRows(
  heap: Heap,
  take: Take,
  { lanes, rows, rest }: Layout,
  tensors: { inputs: readonly number[]; outputs: readonly number[] },
  visit: (inputs: readonly number[], outputs: readonly number[], rows: number) => void,
): void {
  visit(tensors.inputs, tensors.outputs, rows);
  if (rest === 0) return;
  const offset = rows * lanes;
  const inputs = tensors.inputs.map((address) => {
    const row = take(4 * lanes), values = heap.f32, start = address / 4 + offset;
    values.fill(0, row / 4 + rest, row / 4 + lanes);
    values.copyWithin(row / 4, start, start + rest);
    return row;
  });
  const outputs = tensors.outputs.map(() => take(4 * lanes));
  visit(inputs, outputs, 1);
  outputs.forEach((row, index) => heap.f32.copyWithin(tensors.outputs[index]! / 4 + offset, row / 4, row / 4 + rest));
}

/** Rows whose values stay in the first-level cache while each group of four lanes is summed. */
const blockFloats = 4096;

/** Σ x and Σ x² by channel. */
function momentsOf(heap: Heap, take: Take, layout: Layout, x: number) {
  const sums = laneSums(heap, take, layout), squares = laneSums(heap, take, layout);
  const { lanes } = layout, block = Math.max(1, Math.floor(blockFloats / lanes));
  forRows(heap, take, layout, { inputs: [x], outputs: [] }, ([from], _, rows) => {
    for (let row = 0; row < rows; row += block) {
      const count = Math.min(block, rows - row);
      heap.kernels.moments(from! + 4 * row * lanes, count, 4 * lanes, lanes / 4, sums, squares);
    }
  });
  return { sums: channelSums(heap, sums, layout), squares: channelSums(heap, squares, layout) };
}

/** y = (x − mean)·scale + shift (+ residual) (then ReLU); the three by channel, as float32. */
function normalise(
  heap: Heap,
  x: tf.Tensor5D,
  [mean, scale, shift]: readonly [Float32Array, Float32Array, Float32Array],
  { relu, residual }: BatchNormOptions,
): tf.Tensor5D {
  const layout = layoutOf(x), y = heap.output(x.shape);
  heap.withScratch((take) => {
    const tables = [mean, scale, shift].map((values) => laneTable(heap, take, layout, (c) => values[c]!));
    const kernel = `normalise${residual ? "Residual" : ""}${relu ? "Relu" : ""}` as const;
    const inputs = [heap.address(x), ...(residual ? [heap.address(residual)] : [])];
    forRows(
      heap,
      take,
      layout,
      { inputs, outputs: [heap.address(y)] },
      ([from, added], [to], rows) => heap.kernels[kernel](from!, to!, rows, layout.lanes / 4, ...tables, added ?? 0),
    );
  });
  return heap.tensor(y);
}

/** What the gradient needs from the forward pass. */
interface Saved {
  readonly x: tf.Tensor5D;
  /** Kept where the ReLU's mask cannot be computed again from x. */
  readonly y: tf.Tensor5D | undefined;
  readonly mean: Float32Array;
  readonly inverseDeviation: Float64Array;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  readonly options: BatchNormOptions;
}

function gradients(heap: Heap, saved: Saved, dy: tf.Tensor5D): BatchNormGradients {
  const { x, y, mean, inverseDeviation, options: { relu, residual } } = saved;
  const layout = layoutOf(x), { channels, voxels } = layout;
  const dx = heap.output(x.shape), keepsMask = y !== undefined;
  const dResidual = keepsMask ? heap.output(x.shape) : undefined;
  const { dBeta, products } = heap.withScratch((take) => {
    const tables = [mean, saved.scale, saved.shift].map((values) => laneTable(heap, take, layout, (c) => values[c]!));
    const { dBeta, products } = gradientSumsOf(heap, take, layout, saved, dy, tables, dResidual);
    const meanGradient = laneTable(heap, take, layout, (c) => dBeta[c]! / voxels);
    const slope = laneTable(heap, take, layout, (c) => products[c]! * inverseDeviation[c]! ** 2 / voxels);
    const kernel = relu && !keepsMask ? "inputGradientRelu" : "inputGradient";
    const inputs = [heap.address(x), heap.address(dResidual ?? dy)];
    forRows(
      heap,
      take,
      layout,
      { inputs, outputs: [heap.address(dx)] },
      ([from, gradient], [to], rows) =>
        heap.kernels[kernel](from!, gradient!, to!, rows, layout.lanes / 4, ...tables, meanGradient, slope),
    );
    return { dBeta, products };
  });
  const dGamma = Float32Array.from({ length: channels }, (_, c) => products[c]! * inverseDeviation[c]!);
  return {
    dx: heap.tensor(dx),
    dGamma: tf.tensor1d(dGamma),
    dBeta: tf.tensor1d(Float32Array.from(dBeta)),
    ...(residual && { dResidual: dResidual ? heap.tensor<tf.Tensor5D>(dResidual) : dy.clone() }),
  };
}

/** Σ dy′ and Σ dy′·(x − mean) by channel, dy′ being the gradient before the ReLU; writes dy′ to `dResidual`. */
function gradientSumsOf(
  heap: Heap,
  take: Take,
  layout: Layout,
  { x, y, options: { relu } }: Saved,
  dy: tf.Tensor5D,
  tables: readonly number[],
  dResidual: tf.TensorInfo | undefined,
) {
  const sums = laneSums(heap, take, layout), products = laneSums(heap, take, layout);
  const { lanes } = layout, block = Math.max(1, Math.floor(blockFloats / lanes));
  const kernel = dResidual ? "gradientSumsResidualRelu" : relu ? "gradientSumsRelu" : "gradientSums";
  const inputs = [heap.address(x), heap.address(dy), ...(y ? [heap.address(y)] : [])];
  const outputs = dResidual ? [heap.address(dResidual)] : [];
  forRows(heap, take, layout, { inputs, outputs }, (from, to, rows) => {
    for (let row = 0; row < rows; row += block) {
      const offset = 4 * row * lanes, count = Math.min(block, rows - row);
      const [xs, dys, ys] = from.map((address) => address + offset), target = (to[0] ?? 0) + offset;
      const groups = lanes / 4;
      heap.kernels[kernel](xs!, dys!, count, 4 * lanes, groups, ...tables, sums, products, ys ?? 0, target);
    }
  });
  return { dBeta: channelSums(heap, sums, layout), products: channelSums(heap, products, layout) };
}

function batchNorm(
  heap: Heap,
  x: tf.Tensor5D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  options: BatchNormOptions,
): BatchNormResult {
  assertFits(x, { gamma, beta }, options.residual);
  const layout = layoutOf(x), { channels, voxels } = layout;
  const { sums, squares } = heap.withScratch((take) => momentsOf(heap, take, layout, heap.address(x)));
  const mean = Float32Array.from(sums, (sum) => sum / voxels), gammas = gamma.dataSync();
  const biased = sums.map((sum, c) => Math.max(0, squares[c]! / voxels - (sum / voxels) ** 2));
  const inverseDeviation = biased.map((variance) => 1 / Math.sqrt(variance + options.epsilon));
  const scale = Float32Array.from({ length: channels }, (_, c) => gammas[c]! * inverseDeviation[c]!);
  const shift = Float32Array.from(beta.dataSync());
  const y = normalise(heap, x, [mean, scale, shift], options);
  const keep = (tensor: tf.Tensor5D): tf.Tensor5D => tf.keep(tensor.clone());
  const saved: Saved = {
    x: keep(x),
    y: options.relu && options.residual ? keep(y) : undefined,
    ...{ mean, inverseDeviation, scale, shift, options },
  };
  const release = () => {
    saved.x.dispose();
    saved.y?.dispose();
  };
  return {
    y,
    mean: tf.tensor1d(mean),
    variance: tf.tensor1d(Float32Array.from(biased, (value) => voxels > 1 ? value * voxels / (voxels - 1) : value)),
    backward(dy) {
      assertShape("the gradient", dy, x.shape);
      const result = gradients(heap, saved, dy);
      release();
      return result;
    },
    release,
  };
}

export const batchNormOps = (heap: Heap): Pick<EngineOps, "batchNorm" | "batchNormInference"> => ({
  batchNorm: (x, gamma, beta, options) => batchNorm(heap, x, gamma, beta, options),
  batchNormInference(x, gamma, beta, mean, variance, options) {
    assertFits(x, { gamma, beta, mean, variance }, options.residual);
    const variances = variance.dataSync();
    const scale = Float32Array.from(gamma.dataSync(), (g, c) => g / Math.sqrt(variances[c]! + options.epsilon));
    const tables = [mean.dataSync() as Float32Array, scale, beta.dataSync() as Float32Array] as const;
    return normalise(heap, x, tables, options);
  },
});
