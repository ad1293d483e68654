/**
 * Winograd's minimal filtering F(m, 3) along depth (Lavin & Gray 2016, arXiv:1509.09308, section 4): m planes of a
 * 3×3×3 convolution at stride 1 out of m + 2 products with 1×3×3 filters instead of 3·m. A tile of m planes is made of the
 * m + 2 planes d of x around it, with g the three planes of the filter:
 *
 *     y = Aᵀ · ((G·g) ∗ (Bᵀ·d))        plane by plane; ∗ convolves within a plane
 *
 * The bias comes with the second product, whose column of Aᵀ is all ones. Depth is cut into slabs, so that what lies between
 * stays in the processor's last cache. The result differs from the direct sum by a few rounding errors.
 */
import * as tf from "../../tf.ts";
import type { Tensor, Tensor5D } from "../../tf.ts";
import type { Conv3dGeometry } from "../types.ts";
import { joined, pad, slice } from "./arrange.ts";
import { planFor } from "./conv3d.ts";
import { fusedConv3d, type FusedOptions } from "./fused_conv3d.ts";
import { attribute, float32, type Operators } from "./operators.ts";

type Shape5D = Tensor5D["shape"];
type Matrix = readonly (readonly number[])[];

/** The matrices of F(m, 3): Bᵀ [m + 2, m + 2], G [m + 2, 3], Aᵀ [m, m + 2]. */
interface Transform {
  readonly source: Matrix;
  readonly filter: Matrix;
  readonly result: Matrix;
}

/** Points 0, ±1, ∞. */
const two: Transform = {
  source: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
  filter: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
  result: [[1, 1, 1, 0], [0, 1, -1, -1]],
};

/** Points 0, ±1, ±2, ∞. */
const four: Transform = {
  source: [
    ...[[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]],
    ...[[0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
  ],
  filter: [
    ...[[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6]],
    ...[[1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
  ],
  result: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
};

/** Bytes of x in one slab. */
const slabBytes = 2 ** 24;

/** The product whose column of Aᵀ is all ones. */
const biased = 1;

const matMulAttributes = [float32, attribute.bool("adj_x", false), attribute.bool("adj_y", false)];

/** Whether a convolution has the form, and enough channels for the sums to cost less than they save. */
export function suitsWinograd([, depth]: Shape5D, filter: Shape5D, { stride, padding }: Conv3dGeometry): boolean {
  const [, , , inputs, outputs] = filter;
  return depth >= 4 && depth % 2 === 0 && Math.min(inputs, outputs) >= 64 &&
    [0, 1, 2].every((axis) => filter[axis] === 3 && stride[axis] === 1 && padding[axis] === 1);
}

/** G·g for volumes of an even depth: m + 2 filters [1, 3, 3, in, out]; w [3, 3, 3, in, out]. */
export function winogradFilters(depth: number, w: Tensor5D): Tensor5D[] {
  const { filter } = depth % 4 === 0 ? four : two, [, , , inputs, outputs] = w.shape;
  return tf.tidy(() => {
    const planes = tf.reshape<tf.Rank.R2>(w, [3, w.size / 3]);
    const products = tf.matMul(tf.tensor2d(filter as number[][]), planes);
    return tf.split(tf.reshape<tf.Rank.R5>(products, [filter.length, 3, 3, inputs, outputs]), filter.length, 0);
  });
}

/**
 * relu?(x * w + bias + summand?), x [N, D, H, W, in], with the filters made of w for this D. Consumes the summand.
 */
export function winogradConv3d(
  operators: Operators,
  x: Tensor5D,
  filters: readonly Tensor5D[],
  options: FusedOptions,
): Tensor5D {
  const transform = filters.length === four.source.length ? four : two;
  const convolution = new DepthConvolution(operators, transform, x, filters, options);
  const y = convolution.run();
  convolution.dispose();
  return y;
}

/** Planes [from, from + count) of one sample. */
interface Slab {
  readonly sample: number;
  readonly from: number;
  readonly count: number;
}

class DepthConvolution {
  /** Planes of a tile of y, and of the tile of x that it is made of. */
  private readonly planes: number;
  private readonly sources: number;
  private readonly sourceMatrix: Tensor;
  private readonly resultMatrix: Tensor;
  private readonly x: Tensor;
  private readonly summand: Tensor | undefined;
  private readonly inPlane: Conv3dGeometry;
  private readonly shape: Shape5D;

  constructor(
    private readonly operators: Operators,
    { source, result }: Transform,
    x: Tensor5D,
    private readonly filters: readonly Tensor5D[],
    private readonly options: FusedOptions,
  ) {
    const [samples, depth, height, width, channels] = x.shape, outputs = filters[0]!.shape[4], { summand } = options;
    this.planes = result.length;
    this.sources = source.length;
    this.sourceMatrix = tf.tensor2d(source as number[][]);
    this.resultMatrix = tf.tensor2d(result as number[][]);
    this.shape = [samples, depth, height, width, outputs];
    this.x = operators.reshape(x, [samples * depth, height * width * channels]);
    this.summand = summand && operators.reshape(summand, [samples * depth, height * width * outputs]);
    summand?.dispose();
    this.inPlane = { stride: [this.sources, 1, 1], padding: [0, 1, 1] };
  }

  run(): Tensor5D {
    const { operators, planes, shape: [samples, depth] } = this, slabs: Tensor[] = [];
    const tilesOfSlab = Math.max(1, Math.round(slabBytes / (4 * planes * this.x.shape[1]!)));
    const step = planes * tilesOfSlab;
    for (let sample = 0; sample < samples; sample++) {
      for (let from = 0; from < depth; from += step) {
        slabs.push(this.slab({ sample, from, count: Math.min(step, depth - from) }));
      }
    }
    const all = joined(operators, slabs, 0), y = operators.reshape(all, this.shape) as Tensor5D;
    all.dispose();
    return y;
  }

  dispose(): void {
    tf.dispose([this.sourceMatrix, this.resultMatrix, this.x, this.summand ?? []]);
  }

  /** Planes of y [count, H·W·out]. */
  private slab(slab: Slab): Tensor {
    const { operators, options: { relu } } = this;
    let y = this.results(this.products(this.sourcesOf(this.windows(slab))), slab.count);
    if (this.summand !== undefined) {
      const extra = rowsOf(operators, this.summand, slab.sample * this.shape[1] + slab.from, slab.count);
      y = operators.run("AddV2", [float32], [y, extra], [y, extra]);
    }
    return relu ? operators.run("Relu", [float32], [y], [y]) : y;
  }

  /** The m + 2 planes around each tile [tiles, m + 2, H·W·in], zeros beyond the ends of the sample. */
  private windows({ sample, from, count }: Slab): Tensor {
    const { operators, planes, shape: [, depth], x, x: { shape: [, size] } } = this, tiles = count / planes;
    // From the plane before the slab on; as many beyond it as make whole tiles.
    const before = from === 0 ? 1 : 0, wanted = count + planes, first = from - 1 + before;
    const kept = Math.min(wanted - before, depth - first), after = wanted - before - kept;
    const rows = padded(operators, rowsOf(operators, x, sample * depth + first, kept), before, after);
    const tilesFrom = (plane: number) => {
      const part = rowsOf(operators, rows, plane, count), view = operators.reshape(part, [tiles, planes, size!]);
      part.dispose();
      return view;
    };
    const own = tilesFrom(0), next = tilesFrom(planes);
    const overlap = slice(operators, next, [0, 0, 0], [tiles, 2, size!]);
    tf.dispose([rows, next]);
    return joined(operators, [own, overlap], 1);
  }

  /** Bᵀ·d as planes [tiles · (m + 2), H·W·in]; consumes the windows. */
  private sourcesOf(windows: Tensor): Tensor {
    const { operators, sourceMatrix } = this, [tiles, sources, size] = windows.shape as [number, number, number];
    const mixed = operators.run("BatchMatMulV2", matMulAttributes, [sourceMatrix, windows], [windows]);
    const rows = operators.reshape(mixed, [tiles * sources, size]);
    mixed.dispose();
    return rows;
  }

  /** The m + 2 products, each [1, tiles, H, W, out]; consumes the sources. */
  private products(rows: Tensor): Tensor[] {
    const { operators, filters, inPlane, options: { bias } } = this, [, , height, width] = this.shape;
    const { attributes } = planFor([1, rows.shape[0]!, height, width, 1], filters[0]!.shape, inPlane);
    const products = filters.map((filter, i) => {
      const own = rowsOf(operators, rows, i, rows.shape[0]! - this.sources + 1);
      const x = operators.reshape(own, [1, own.shape[0]!, height, width, filter.shape[3]]) as Tensor5D;
      own.dispose();
      const product = i === biased
        ? fusedConv3d(operators, x, filter, inPlane, { bias, relu: false })
        : operators.run("Conv3D", attributes, [x, filter]);
      x.dispose();
      return product;
    });
    rows.dispose();
    return products;
  }

  /** Aᵀ of the products as planes [count, H·W·out]; consumes them. */
  private results(products: readonly Tensor[], count: number): Tensor {
    const { operators, planes, sources, shape: [, , height, width, outputs] } = this;
    const size = height * width * outputs, axis = attribute.integer("axis", 2);
    const packed = operators.run("Pack", [float32, attribute.integer("N", sources), axis], products, products);
    const tiles = operators.reshape(packed, [count / planes, sources, size]);
    packed.dispose();
    const mixed = operators.run("BatchMatMulV2", matMulAttributes, [this.resultMatrix, tiles], [tiles]);
    const rows = operators.reshape(mixed, [count, size]);
    mixed.dispose();
    return rows;
  }
}

/** Rows [first, first + count) of a table. */
function rowsOf(operators: Operators, table: Tensor, first: number, count: number): Tensor {
  return slice(operators, table, [first, 0], [count, table.shape[1]!]);
}

/** Zero rows before and after; consumes the rows. */
function padded(operators: Operators, rows: Tensor, before: number, after: number): Tensor {
  if (before + after === 0) return rows;
  const all = pad(operators, rows, [[before, after], [0, 0]]);
  rows.dispose();
  return all;
}
