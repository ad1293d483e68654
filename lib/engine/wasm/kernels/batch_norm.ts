/**
 * Batch normalisation in few passes over memory. The tensor is read as [rows, lanes] where `lanes`, a multiple of 4, is
 * the number of channels (or 2 or 4 times it, where the channels are not a multiple of 4); parameters stand in tables of
 * one float32 per lane. Sums are float64, in a fixed order.
 */
import {
  type Code,
  f32x4,
  f64x2,
  type FunctionBody,
  i32,
  type Local,
  repeat,
  v128,
  zero,
} from "../../../wasm_assembler.ts";

/** The high two float32 lanes as float64. */
const promoteHigh = (value: Local): Code => f64x2.promoteLow(v128.shuffle32(value, value, [2, 3, 2, 3]));

/** low, high += the four lanes of `value` as float64. */
const addPromoted = (low: Local, high: Local, value: Local): Code => [
  ...low.set(f64x2.add(low, f64x2.promoteLow(value))),
  ...high.set(f64x2.add(high, promoteHigh(value))),
];

/** The two float64 pairs at `address` += low, high. */
const accumulate = (address: Local, low: Local, high: Local): Code => [
  ...v128.store(address, f64x2.add(v128.load(address), low)),
  ...v128.store(address, f64x2.add(v128.load(address, 16), high), 16),
];

/** relu(x) keeps NaN: a < 0 ? 0 : a. */
const relu = (value: Local): Code => f32x4.pseudoMax(value, zero);

/**
 * moments(x, rows, rowStep, groups, sums, squares): sums[lane] += Σ x and squares[lane] += Σ x² over rows, both float64,
 * for `groups` times 4 lanes.
 */
export const moments: FunctionBody = ({ param, local, locals }) => {
  const x = param("i32"), rows = param("i32"), rowStep = param("i32"), groups = param("i32");
  const sums = param("i32"), squares = param("i32");
  const row = local("i32"), left = local("i32"), value = local("v128"), wide = local("v128");
  const [sumLow, sumHigh, squareLow, squareHigh] = locals("v128", 4) as [Local, Local, Local, Local];
  return [repeat(
    groups,
    ...[sumLow, sumHigh, squareLow, squareHigh].map((sum) => sum.set(zero)),
    row.set(x),
    left.set(rows),
    repeat(
      left,
      value.set(v128.load(row)),
      wide.set(f64x2.promoteLow(value)),
      sumLow.set(f64x2.add(sumLow, wide)),
      squareLow.set(f64x2.add(squareLow, f64x2.mul(wide, wide))),
      wide.set(promoteHigh(value)),
      sumHigh.set(f64x2.add(sumHigh, wide)),
      squareHigh.set(f64x2.add(squareHigh, f64x2.mul(wide, wide))),
      row.increase(rowStep),
    ),
    accumulate(sums, sumLow, sumHigh),
    accumulate(squares, squareLow, squareHigh),
    x.increase(16),
    sums.increase(32),
    squares.increase(32),
  )];
};

/** What a normalisation does after γ·x̂ + β. */
interface Variant {
  readonly residual: boolean;
  readonly relu: boolean;
}

/**
 * normalise(x, y, rows, groups, mean, scale, shift, residual): y = (x − mean)·scale + shift (+ residual) (then ReLU).
 * Consecutive rows, each of `groups` times 4 lanes.
 */
const normalise = (variant: Variant): FunctionBody => ({ param, local }) => {
  const x = param("i32"), y = param("i32"), rows = param("i32"), groups = param("i32");
  const mean = param("i32"), scale = param("i32"), shift = param("i32"), residual = param("i32");
  const left = local("i32"), lane = local("i32"), value = local("v128");
  const at = (table: Local) => v128.load(i32.add(table, lane));
  return [repeat(
    rows,
    lane.set(0),
    left.set(groups),
    repeat(
      left,
      value.set(f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), at(mean)), at(scale)), at(shift))),
      ...(variant.residual ? [value.set(f32x4.add(value, v128.load(residual))), residual.increase(16)] : []),
      v128.store(y, variant.relu ? relu(value) : value),
      x.increase(16),
      y.increase(16),
      lane.increase(16),
    ),
  )];
};

/** Where the gradient of the ReLU comes from: there is none, its input is computed again from x, or its output is kept. */
type Mask = "none" | "recompute" | "output";

/** dy · [(x − mean)·scale + shift > 0], with exactly the arithmetic of `normalise`. */
const maskByInput = (dy: Local, centred: Local, scale: Code, shift: Code): Code =>
  v128.and(dy, f32x4.greaterThan(f32x4.add(f32x4.mul(centred, scale), shift), zero));

/**
 * gradientSums(x, dy, rows, rowStep, groups, mean, scale, shift, sums, products, y, dResidual): with dy′ the gradient
 * before the ReLU, sums[lane] += Σ dy′ and products[lane] += Σ dy′·(x − mean), both float64. The "output" variant also
 * stores dy′, which is the gradient of the residual.
 */
const gradientSums = (mask: Mask): FunctionBody => ({ param, local, locals }) => {
  const x = param("i32"), dy = param("i32"), rows = param("i32"), rowStep = param("i32"), groups = param("i32");
  const mean = param("i32"), scale = param("i32"), shift = param("i32"), sums = param("i32"), products = param("i32");
  const y = param("i32"), dResidual = param("i32");
  const offset = local("i32"), left = local("i32"), gradient = local("v128"), centred = local("v128");
  const [m, s, b] = locals("v128", 3) as [Local, Local, Local];
  const [sumLow, sumHigh, productLow, productHigh] = locals("v128", 4) as [Local, Local, Local, Local];
  const at = (base: Local) => i32.add(base, offset);
  return [repeat(
    groups,
    ...[sumLow, sumHigh, productLow, productHigh].map((sum) => sum.set(zero)),
    m.set(v128.load(mean)),
    s.set(v128.load(scale)),
    b.set(v128.load(shift)),
    offset.set(0),
    left.set(rows),
    repeat(
      left,
      gradient.set(v128.load(at(dy))),
      centred.set(f32x4.sub(v128.load(at(x)), m)),
      ...(mask === "recompute" ? [gradient.set(maskByInput(gradient, centred, s.get, b.get))] : []),
      ...(mask === "output"
        ? [
          gradient.set(v128.and(gradient, f32x4.greaterThan(v128.load(at(y)), zero))),
          v128.store(at(dResidual), gradient),
        ]
        : []),
      addPromoted(sumLow, sumHigh, gradient),
      centred.set(f32x4.mul(centred, gradient)),
      addPromoted(productLow, productHigh, centred),
      offset.increase(rowStep),
    ),
    accumulate(sums, sumLow, sumHigh),
    accumulate(products, productLow, productHigh),
    ...[x, dy, mean, scale, shift, y, dResidual].map((pointer) => pointer.increase(16)),
    sums.increase(32),
    products.increase(32),
  )];
};

/**
 * inputGradient(x, dy, dx, rows, groups, mean, scale, shift, meanGradient, slope):
 * dx = scale·(dy′ − meanGradient − (x − mean)·slope), dy′ masked by the ReLU of this row in the "recompute" variant.
 */
const inputGradient = (mask: Exclude<Mask, "output">): FunctionBody => ({ param, local }) => {
  const x = param("i32"), dy = param("i32"), dx = param("i32"), rows = param("i32"), groups = param("i32");
  const mean = param("i32"), scale = param("i32"), shift = param("i32");
  const meanGradient = param("i32"), slope = param("i32");
  const left = local("i32"), lane = local("i32"), gradient = local("v128"), centred = local("v128");
  const at = (table: Local) => v128.load(i32.add(table, lane));
  return [repeat(
    rows,
    lane.set(0),
    left.set(groups),
    repeat(
      left,
      gradient.set(v128.load(dy)),
      centred.set(f32x4.sub(v128.load(x), at(mean))),
      ...(mask === "recompute" ? [gradient.set(maskByInput(gradient, centred, at(scale), at(shift)))] : []),
      v128.store(
        dx,
        f32x4.mul(f32x4.sub(f32x4.sub(gradient, at(meanGradient)), f32x4.mul(centred, at(slope))), at(scale)),
      ),
      ...[x, dy, dx, lane].map((pointer) => pointer.increase(16)),
    ),
  )];
};

export const batchNormKernels = {
  moments,
  normalise: normalise({ residual: false, relu: false }),
  normaliseRelu: normalise({ residual: false, relu: true }),
  normaliseResidual: normalise({ residual: true, relu: false }),
  normaliseResidualRelu: normalise({ residual: true, relu: true }),
  gradientSums: gradientSums("none"),
  gradientSumsRelu: gradientSums("recompute"),
  gradientSumsResidualRelu: gradientSums("output"),
  inputGradient: inputGradient("none"),
  inputGradientRelu: inputGradient("recompute"),
} as const;
