/**
 * The proof an engine gives before it trains: every operation of `EngineOps` against plain float64 loops, on inputs
 * small enough to take a moment. A wrong gradient does not crash; it ruins weeks of training in silence.
 */
import { EngineError } from "../errors.ts";
import * as tf from "../tf.ts";
import { dropoutMask, dropoutScale, philoxUniform } from "./philox.ts";
import {
  convOutputShape,
  referenceAdamW,
  referenceBatchNorm,
  referenceBatchNormGrad,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
  type Shape5,
  sizeOf,
} from "./reference.ts";
import type { Conv3dGeometry, DropoutStream, Engine, EngineName, EngineOps } from "./types.ts";

export interface SelfTestCheck {
  /** e.g. "conv3dFilterGrad, 3×3×3 stride 2". */
  readonly name: string;
  /** Largest error over the largest value of the reference; for dropout the share of elements that differ. */
  readonly error: number;
  /** Most that passes. */
  readonly tolerance: number;
  readonly passed: boolean;
}

export interface SelfTestReport {
  readonly engine: EngineName;
  readonly passed: boolean;
  readonly checks: readonly SelfTestCheck[];
  readonly milliseconds: number;
}

/** Largest error over largest value; NaN anywhere, or another number of values, is an infinite error. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0, largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(difference)) return Infinity;
    error = Math.max(error, difference);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return error / largest;
}

/** float32 on a CPU; a GPU may multiply with TensorFloat-32's 10-bit significand. */
const tolerances = { cpu: 1e-5, gpu: 2e-3 } as const;

/** Numbers in [−1, 1), other ones for every seed, the same everywhere. */
function numbers(seed: number, shape: readonly number[]): Float32Array {
  return philoxUniform({ key: [seed, 0], counter: [0, 0] }, sizeOf(shape)).map((u) => 2 * u - 1);
}

type Check = (name: string, error: number) => void;

interface ConvolutionCase {
  readonly name: string;
  readonly x: Shape5;
  readonly w: Shape5;
  readonly geometry: Conv3dGeometry;
}

const convolutions: readonly ConvolutionCase[] = [
  { name: "3×3×3", x: [2, 4, 5, 6, 5], w: [3, 3, 3, 5, 9], geometry: { stride: [1, 1, 1], padding: [1, 1, 1] } },
  {
    name: "3×3×3 stride 2",
    x: [1, 4, 6, 7, 8],
    w: [3, 3, 3, 8, 12],
    geometry: { stride: [2, 2, 2], padding: [1, 1, 1] },
  },
  {
    name: "stem 3×7×7",
    x: [1, 3, 10, 9, 1],
    w: [3, 7, 7, 1, 8],
    geometry: { stride: [1, 2, 2], padding: [1, 3, 3] },
  },
  {
    name: "1×1×1 stride 2",
    x: [1, 4, 5, 6, 4],
    w: [1, 1, 1, 4, 8],
    geometry: { stride: [2, 2, 2], padding: [0, 0, 0] },
  },
];

/** Computes, reads and frees: a GPU's values cannot be read while JavaScript waits. */
async function valuesOf<Name extends string>(
  compute: () => Partial<Record<Name, tf.Tensor>>,
): Promise<Partial<Record<Name, Float32Array>>> {
  const tensors = tf.tidy(() => {
    const entries = Object.entries<tf.Tensor | undefined>(compute());
    // an operation may return a tensor that somebody keeps
    return entries.flatMap(([name, tensor]) => tensor === undefined ? [] : [[name, tf.clone(tensor)] as const]);
  });
  try {
    const values: Partial<Record<string, Float32Array>> = {};
    for (const [name, tensor] of tensors) values[name] = await tensor.data() as Float32Array;
    return values as Partial<Record<Name, Float32Array>>;
  } finally {
    tf.dispose(tensors.map(([, tensor]) => tensor));
  }
}

/** Largest error over largest value; infinite where there are no values. */
const errorOf = (actual: Float32Array | undefined, expected: ArrayLike<number>): number =>
  actual === undefined ? Infinity : relativeError(actual, expected);

async function checkConvolution(
  ops: EngineOps,
  { name, x: xShape, w: wShape, geometry }: ConvolutionCase,
  check: Check,
): Promise<void> {
  const yShape = convOutputShape(xShape, wShape, geometry);
  const [xs, ws, dys] = [numbers(1, xShape), numbers(2, wShape), numbers(3, yShape)];
  const { y, dx, dw } = await valuesOf(() => {
    const x = tf.tensor5d(xs, [...xShape]), w = tf.tensor5d(ws, [...wShape]), dy = tf.tensor5d(dys, [...yShape]);
    const y = ops.conv3d(x, w, geometry);
    return {
      ...(tf.util.arraysEqual(y.shape, [...yShape]) && { y }),
      dx: ops.conv3dInputGrad(dy, w, x.shape, geometry),
      dw: ops.conv3dFilterGrad(x, dy, w.shape, geometry),
    };
  });
  check(`conv3d, ${name}`, errorOf(y, referenceConv3d(xs, xShape, ws, wShape, geometry).values));
  check(`conv3dInputGrad, ${name}`, errorOf(dx, referenceInputGrad(dys, ws, wShape, xShape, geometry)));
  check(`conv3dFilterGrad, ${name}`, errorOf(dw, referenceFilterGrad(xs, xShape, dys, wShape, geometry)));
}

interface BatchNormCase {
  readonly name: string;
  readonly shape: Shape5;
  readonly relu: boolean;
  readonly residual: boolean;
}

const batchNorms: readonly BatchNormCase[] = [
  { name: "plain", shape: [2, 3, 4, 5, 8], relu: false, residual: false },
  { name: "ReLU", shape: [2, 3, 3, 3, 6], relu: true, residual: false },
  { name: "residual, ReLU", shape: [2, 3, 4, 5, 8], relu: true, residual: true },
  { name: "residual", shape: [1, 3, 3, 3, 4], relu: false, residual: true },
];

const epsilon = 1e-5;

async function checkBatchNorm(
  ops: EngineOps,
  { name, shape, relu, residual }: BatchNormCase,
  check: Check,
): Promise<void> {
  const channels = [shape[4]] as [number];
  const xs = numbers(4, shape), dys = numbers(5, shape), rs = numbers(6, shape);
  const gammas = numbers(7, channels).map((value) => value + 2), betas = numbers(8, channels);
  const expectedOptions = { epsilon, relu, ...(residual && { residual: rs }) };
  const expected = referenceBatchNorm(xs, gammas, betas, expectedOptions);
  const gradient = referenceBatchNormGrad(xs, gammas, betas, dys, expectedOptions);
  const results = await valuesOf(() => {
    const volume = (values: Float32Array) => tf.tensor5d(values, [...shape]);
    const x = volume(xs), gamma = tf.tensor1d(gammas), beta = tf.tensor1d(betas);
    const options = { epsilon, relu, ...(residual && { residual: volume(rs) }) };
    const { y, mean, variance, backward } = ops.batchNorm(x, gamma, beta, options);
    const [means, variances] = [expected.mean, expected.biased].map((values) => tf.tensor1d(Float32Array.from(values)));
    const inference = ops.batchNormInference(x, gamma, beta, means!, variances!, options);
    return { y, mean, variance, inference, ...backward(volume(dys)) };
  });
  check(`batchNorm, ${name}`, errorOf(results.y, expected.y));
  check(`batchNorm mean, ${name}`, errorOf(results.mean, expected.mean));
  check(`batchNorm variance, ${name}`, errorOf(results.variance, expected.variance));
  check(`batchNorm gradient x, ${name}`, errorOf(results.dx, gradient.dx));
  check(`batchNorm gradient γ, ${name}`, errorOf(results.dGamma, gradient.dGamma));
  check(`batchNorm gradient β, ${name}`, errorOf(results.dBeta, gradient.dBeta));
  if (residual) check(`batchNorm gradient residual, ${name}`, errorOf(results.dResidual, gradient.dResidual));
  check(`batchNormInference, ${name}`, errorOf(results.inference, expected.y));
}

/**
 * Engines that fold large convolutions for predictions, with four, an odd and an even number of planes. One corner of the
 * result is compared: it depends on nothing but the same corner of x, one voxel wider.
 */
async function checkFolded(ops: EngineOps, depth: number, check: Check): Promise<void> {
  if (ops.foldConvNorm === undefined) return;
  const geometry: Conv3dGeometry = { stride: [1, 1, 1], padding: [1, 1, 1] }, channels = 64, side = 2;
  const shape = [1, depth, 18, 18, channels] as [1, number, 18, 18, number], wShape: Shape5 = [3, 3, 3, 64, channels];
  const [xs, ws, rs] = [numbers(14, shape), numbers(15, wShape), numbers(16, shape)];
  const [gammas, betas] = [numbers(17, [channels]), numbers(18, [channels])];
  const [means, variances] = [numbers(19, [channels]), numbers(20, [channels]).map((value) => value + 2)];
  const { y } = await valuesOf(() => {
    const [gamma, beta, mean, variance] = [gammas, betas, means, variances].map((values) => tf.tensor1d(values));
    const norm = { gamma: gamma!, beta: beta!, mean: mean!, variance: variance!, epsilon };
    const folded = ops.foldConvNorm?.(shape, tf.tensor5d(ws, [...wShape]), norm, geometry);
    const result = folded?.run(tf.tensor5d(xs, shape), { relu: true, residual: tf.tensor5d(rs, shape) });
    folded?.dispose();
    return result === undefined ? {} : { y: result };
  });
  if (y === undefined) return;
  const wider = corner(xs, shape, side + 1), sums = referenceConv3d(wider.values, wider.shape, ws, wShape, geometry);
  const residuals = corner(rs, shape, side).values;
  const expected = corner(sums.values, wider.shape, side).values.map((sum, i) => {
    const c = i % channels, scale = gammas[c]! / Math.sqrt(variances[c]! + epsilon);
    return Math.max(0, (sum - means[c]!) * scale + betas[c]! + residuals[i]!);
  });
  check(`foldConvNorm, ${depth} planes`, errorOf(Float32Array.from(corner(y, shape, side).values), expected));
}

/** The first `side` rows and columns of each plane of one sample. */
function corner(values: ArrayLike<number>, [, depth, height, width, channels]: Shape5, side: number) {
  const shape: Shape5 = [1, depth, side, side, channels];
  const found = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const voxel = Math.floor(i / channels), line = Math.floor(voxel / side), plane = Math.floor(line / side);
    return values[((plane * height + line % side) * width + voxel % side) * channels + i % channels]!;
  });
  return { values: found, shape };
}

const dropoutRate = 0.3;
const dropoutStream: DropoutStream = { key: [0x9e3779b9, 7], counter: [2 ** 32 - 100, 3] };

async function checkDropout(ops: EngineOps, check: Check): Promise<void> {
  const shape: Shape5 = [1, 3, 11, 11, 11], length = sizeOf(shape);
  const mask = dropoutMask(dropoutStream, dropoutRate, length), scale = dropoutScale(dropoutRate);
  const xs = numbers(9, shape).map((value) => value < 0 ? value - 1 : value + 1); // no zeros: they would hide the mask
  const { y = new Float32Array(), dx = new Float32Array() } = await valuesOf(() => {
    const x = tf.tensor5d(xs, [...shape]), { y, backward } = ops.dropout(x, dropoutRate, dropoutStream);
    return { y, dx: backward(x.mul(2)) };
  });
  const differing = (values: ArrayLike<number>) =>
    mask.reduce((count, kept, i) => count + Number((values[i] !== 0) !== (kept === 1)), 0) / length;
  check("dropout mask", differing(y));
  check("dropout gradient mask", differing(dx));
  check("dropout values", relativeError(y, xs.map((value, i) => value * mask[i]! * scale)));
  check("dropout gradient", relativeError(dx, xs.map((value, i) => 2 * value * mask[i]! * scale)));
  const kept = y.filter((value) => value !== 0).length / length;
  const deviations = Math.abs(kept - (1 - dropoutRate)) / Math.sqrt(dropoutRate * (1 - dropoutRate) / length);
  check("dropout share, standard deviations over 5", Math.max(0, deviations - 5));
}

const adamWConstants = { momentum: 0.9, squareMomentum: 0.99, rate: 0.05, epsilon: 1e-3, decay: 0.98 } as const;

/** Engines without a step of their own use the optimizer's, which has tests of its own. */
async function checkAdamW(ops: EngineOps, check: Check): Promise<void> {
  const { adamW } = ops;
  if (adamW === undefined) return;
  const shape = [3, 7], [value, average, gradient] = [numbers(10, shape), numbers(11, shape), numbers(12, shape)];
  const square = numbers(13, shape).map((number) => number ** 2);
  const expected = referenceAdamW({ value, average, square }, gradient, adamWConstants);
  const upload = (values: Float32Array) => tf.tensor(values, shape);
  const results = await valuesOf(() => {
    const tensors = { value: upload(value), average: upload(average), square: upload(square) };
    return { ...adamW(tensors, upload(gradient), adamWConstants) };
  });
  for (const part of ["value", "average", "square"] as const) {
    check(`adamW ${part}`, errorOf(results[part], expected[part]));
  }
}

/** Runs every check; takes well under a second and leaves no tensor behind. */
export async function selfTest(engine: Engine): Promise<SelfTestReport> {
  const started = performance.now(), tolerance = tolerances[engine.describe().device.kind];
  const checks: SelfTestCheck[] = [];
  const within = (allowed: number): Check => (name, error) =>
    checks.push({ name, error, tolerance: allowed, passed: error <= allowed });
  for (const convolution of convolutions) await checkConvolution(engine.ops, convolution, within(tolerance));
  for (const batchNorm of batchNorms) await checkBatchNorm(engine.ops, batchNorm, within(tolerance));
  for (const depth of [4, 5, 6]) await checkFolded(engine.ops, depth, within(tolerance));
  await checkAdamW(engine.ops, within(tolerance));
  await checkDropout(engine.ops, (name, error) => within(name.includes("mask") ? 0 : tolerance)(name, error));
  const passed = checks.every((check) => check.passed);
  return { engine: engine.name, passed, checks, milliseconds: performance.now() - started };
}

/** `selfTest` that throws `EngineError` "engine.self_test", naming what is wrong, when any check fails. */
export async function assertSelfTest(engine: Engine): Promise<SelfTestReport> {
  const report = await selfTest(engine);
  const worst = report.checks.filter((check) => !check.passed).sort((a, b) => b.error - a.error);
  if (worst.length === 0) return report;
  throw new EngineError("engine.self_test", `the ${engine.name} engine computes wrong results and must not train`, {
    expected: `error over largest value ≤ ${worst[0]!.tolerance}`,
    found: worst.slice(0, 5).map(({ name, error }) => `${name}: ${error.toExponential(1)}`).join(", "),
    hint: "Run `cov3d doctor` and choose another engine with --engine",
  });
}
