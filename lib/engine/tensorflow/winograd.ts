/**
 * Winograd's minimal filtering F(2, 3) along depth (Lavin & Gray 2016, arXiv:1509.09308, section 4): two planes of a
 * 3×3×3 convolution at stride 1 out of four products with 1×3×3 filters instead of six. With d₀ … d₃ the planes
 * 2i − 1 … 2i + 2 of x and g₀, g₁, g₂ those of the filter:
 *
 *     m₁ = (d₀ − d₂)·g₀                m₂ = (d₁ + d₂)·(g₀ + g₁ + g₂)/2
 *     m₄ = (d₁ − d₃)·g₂                m₃ = (d₂ − d₁)·(g₀ − g₁ + g₂)/2
 *     y[2i] = m₁ + m₂ + m₃             y[2i + 1] = m₂ − m₃ − m₄
 *
 * The bias, the shortcut and the ReLU come with the last two products. Depth is cut into slabs, so that what lies between
 * stays in the processor's last cache. The result differs from the direct sum by a few rounding errors.
 */
import * as tf from "../../tf.ts";
import type { Tensor, Tensor5D } from "../../tf.ts";
import type { Conv3dGeometry } from "../types.ts";
import { planFor } from "./conv3d.ts";
import { fusedConv3d, type FusedOptions } from "./fused_conv3d.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

type Shape5D = Tensor5D["shape"];

/** Bytes of x in one slab. */
const slabBytes = 2 ** 24;

const inPlane: Conv3dGeometry = { stride: [1, 1, 1], padding: [0, 1, 1] };
const unpack = (axis: number) => [float32, attribute.integer("num", 2), attribute.integer("axis", axis)];
const pack = (axis: number) => [float32, attribute.integer("N", 2), attribute.integer("axis", axis)];
const sliceAttributes = [float32, attribute.type("Index", dataTypes.TF_INT32)];

/** Whether a convolution has the form, and enough channels for the sums to cost less than they save. */
export function suitsWinograd([, depth]: Shape5D, filter: Shape5D, { stride, padding }: Conv3dGeometry): boolean {
  const [, , , inputs, outputs] = filter;
  return depth >= 4 && depth % 2 === 0 && Math.min(inputs, outputs) >= 64 &&
    [0, 1, 2].every((axis) => filter[axis] === 3 && stride[axis] === 1 && padding[axis] === 1);
}

/** The four filters [1, 3, 3, in, out] of m₁, m₂, m₃ and −m₄; w [3, 3, 3, in, out]. */
export function winogradFilters(w: Tensor5D): Tensor5D[] {
  return tf.tidy(() => {
    const [first, middle, last] = tf.split(w, 3, 0) as [Tensor5D, Tensor5D, Tensor5D];
    const outer = tf.add(first, last);
    const plus = tf.mul<Tensor5D>(tf.add(outer, middle), 0.5), minus = tf.mul<Tensor5D>(tf.sub(outer, middle), 0.5);
    return [first, plus, minus, tf.neg(last)];
  });
}

/** relu?(x * w + bias + summand?) with the filters of w; x [N, D, H, W, in] with an even D. Consumes the summand. */
export function winogradConv3d(
  operators: Operators,
  x: Tensor5D,
  filters: readonly Tensor5D[],
  { summand, ...options }: FusedOptions,
): Tensor5D {
  const [samples, depth, height, width, channels] = x.shape, outputs = filters[0]!.shape[4];
  const planes = operators.reshape(x, [samples * depth, height * width * channels]);
  const summands = summand && operators.reshape(summand, [samples * depth, height * width * outputs]);
  const step = Math.max(2, 2 * Math.round(slabBytes / (8 * planes.shape[1]!)));
  const slabs: Tensor[] = [];
  for (let sample = 0; sample < samples; sample++) {
    for (let from = 0; from < depth; from += step) {
      const first = sample * depth + from, count = Math.min(step, depth - from);
      const pairs = shiftedPairs(operators, planes, { sample, from, count, depth });
      const extra = summands && alternating(operators, summands, first, count, [height, width, outputs]);
      const sources = sourcesOf(operators, pairs, [height, width, channels]);
      slabs.push(slabOf(operators, sources, filters, options, extra));
    }
  }
  tf.dispose([planes, summands ?? [], summand ?? []]);
  return joined(operators, slabs, [samples, depth, height, width, outputs]);
}

/** Depths [from, from + count) of one sample. */
interface Slab {
  readonly sample: number;
  readonly from: number;
  readonly count: number;
  readonly depth: number;
}

/** Planes from − 1 … from + count of a sample in pairs [count/2 + 1, 2, H·W·C], zeros beyond its ends. */
function shiftedPairs(operators: Operators, planes: Tensor, { sample, from, count, depth }: Slab): Tensor {
  const before = from === 0 ? 1 : 0, after = from + count === depth ? 1 : 0, size = planes.shape[1]!;
  const kept = slice(operators, planes, sample * depth + from - 1 + before, count + 2 - before - after);
  const paddings = Constant.int32s([before, after, 0, 0], [2, 2]);
  const padded = before + after === 0
    ? kept
    : operators.run("Pad", [float32, attribute.type("Tpaddings", dataTypes.TF_INT32)], [kept, paddings], [kept]);
  const pairs = operators.reshape(padded, [count / 2 + 1, 2, size]);
  padded.dispose();
  return pairs;
}

/** The differences and the sum of planes that the products are made of: d₀ − d₂, d₁ + d₂, d₂ − d₁, d₁ − d₃. */
function sourcesOf(operators: Operators, pairs: Tensor, plane: readonly number[]): Tensor5D[] {
  const [odd, even] = operators.runMany("Unpack", unpack(1), [pairs], 2, [pairs]);
  const count = pairs.shape[0]! - 1;
  const planesFrom = (x: Tensor, first: number) => {
    const rows = slice(operators, x, first, count), planes = operators.reshape(rows, [1, count, ...plane]);
    rows.dispose();
    return planes as Tensor5D;
  };
  const d0 = planesFrom(odd!, 0), d1 = planesFrom(even!, 0), d2 = planesFrom(odd!, 1), d3 = planesFrom(even!, 1);
  tf.dispose([odd!, even!]);
  const difference = (a: Tensor5D, b: Tensor5D) => operators.run("Sub", [float32], [a, b]) as Tensor5D;
  const sum = operators.run("AddV2", [float32], [d1, d2]) as Tensor5D;
  const sources = [difference(d0, d2), sum, difference(d2, d1), difference(d1, d3)];
  tf.dispose([d0, d1, d2, d3]);
  return sources;
}

/** The even and the odd planes of a slab, each [1, count/2, H, W, C]. */
function alternating(
  operators: Operators,
  planes: Tensor,
  first: number,
  count: number,
  plane: readonly number[],
): Tensor5D[] {
  const rows = slice(operators, planes, first, count), pairs = operators.reshape(rows, [1, count / 2, 2, ...plane]);
  rows.dispose();
  return operators.runMany("Unpack", unpack(2), [pairs], 2, [pairs]) as Tensor5D[];
}

/** The slab's planes [count/2, 2, H, W, out]; consumes the sources and what is added to the even and odd planes. */
function slabOf(
  operators: Operators,
  [source1, source2, source3, source4]: readonly Tensor5D[],
  [filter1, filter2, filter3, filter4]: readonly Tensor5D[],
  options: Omit<FusedOptions, "summand">,
  extra: readonly Tensor5D[] | undefined,
): Tensor {
  const m2 = product(operators, source2!, filter2!), m3 = product(operators, source3!, filter3!);
  const sum = added(operators, operators.run("AddV2", [float32], [m2, m3]), extra?.[0]);
  const difference = added(operators, operators.run("Sub", [float32], [m2, m3], [m2]), extra?.[1]);
  const even = fusedConv3d(operators, source1!, filter1!, inPlane, { ...options, summand: sum });
  const odd = fusedConv3d(operators, source4!, filter4!, inPlane, { ...options, summand: difference });
  const slab = operators.run("Pack", pack(2), [even, odd]);
  tf.dispose([m3, source1!, source4!, even, odd]);
  return slab;
}

/** x * w within each plane; consumes x. */
function product(operators: Operators, x: Tensor5D, w: Tensor5D): Tensor {
  const { attributes } = planFor(x.shape, w.shape, inPlane);
  return operators.run("Conv3D", attributes, [x, w], [x]);
}

/** Written over `sum`; consumes both. */
function added(operators: Operators, sum: Tensor, extra: Tensor5D | undefined): Tensor5D {
  return (extra === undefined ? sum : operators.run("AddV2", [float32], [sum, extra], [sum, extra])) as Tensor5D;
}

function slice(operators: Operators, rows: Tensor, first: number, count: number): Tensor {
  const begin = Constant.int32s([first, 0]), size = Constant.int32s([count, rows.shape[1]!]);
  return operators.run("Slice", sliceAttributes, [rows, begin, size]);
}

/** Slabs one after the other, under another shape; consumes them. */
function joined(operators: Operators, slabs: readonly Tensor[], shape: Shape5D): Tensor5D {
  const plane = shape[2] * shape[3] * shape[4];
  const rows = slabs.map((slab) => operators.reshape(slab, [slab.size / plane, plane]));
  tf.dispose([...slabs]);
  const all = rows.length === 1 ? rows[0]! : operators.run(
    "ConcatV2",
    [attribute.integer("N", rows.length), float32, attribute.type("Tidx", dataTypes.TF_INT32)],
    [...rows, Constant.int32(0)],
    rows,
  );
  const y = operators.reshape(all, shape);
  all.dispose();
  return y as Tensor5D;
}
