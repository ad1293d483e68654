/**
 * The filter gradient as matrix products, an alternative to Conv3DBackpropFilterV2 that computes the same sums:
 *
 *     dW[k] = Σ_o x[s·o + k − p]ᵀ · dy[o]        for each tap k: [C × voxels] · [voxels × K]
 *
 * No tap has a copy of its input made. Along each axis s·o + k − p = s·(o + q) + r with r in [0, s): the taps of one r
 * read the same phase of x (every s-th voxel from r on), q voxels further on. A phase is laid out as rows of C numbers
 * with just so many zeros before each line and plane that a step beyond the end of one lands on the zeros of the next;
 * dy gets the same pitch. Every tap is then a window of consecutive rows, which TensorFlow slices without copying.
 *
 * Depth is cut into slabs, so that the work space stays small whatever the volume.
 */
import * as tf from "../../tf.ts";
import type { Tensor, Tensor5D } from "../../tf.ts";
import type { Conv3dGeometry } from "../types.ts";
import { joined, pad, type Paddings, paddingsAttribute, slice } from "./arrange.ts";
import { type Axis, axisOf, groupsAlong, type TapGroup } from "./filter_axis.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

type Shape5D = Tensor5D["shape"];

/** Work space of one slab, about: it should stay in a processor's last cache. */
const slabBytes = 2 ** 24;

/** dL/dw of `filterShape` from x [N, D, H, W, C] and dy [N, D', H', W', K]. */
export function filterGradProducts(
  operators: Operators,
  x: Tensor5D,
  dy: Tensor5D,
  filterShape: Shape5D,
  { stride, padding }: Conv3dGeometry,
): Tensor5D {
  const axis = (i: 0 | 1 | 2) => axisOf(x.shape[i + 1]!, dy.shape[i + 1]!, filterShape[i], stride[i], padding[i]);
  return new FilterProducts(operators, [axis(0), axis(1), axis(2)], filterShape).run(x, dy);
}

/** Depths [from, to) of dy, of one sample. */
interface Slab {
  readonly sample: number;
  readonly from: number;
  readonly to: number;
}

class FilterProducts {
  private readonly groups: readonly TapGroup[];
  /** Of each phase along the width and each (kd, kh): one product [taps · C, K] a slab. */
  private readonly products = new Map<string, Tensor[]>();

  constructor(
    private readonly operators: Operators,
    private readonly axes: readonly [Axis, Axis, Axis],
    private readonly filterShape: Shape5D,
  ) {
    this.groups = groupsAlong(axes[2]);
  }

  run(x: Tensor5D, dy: Tensor5D): Tensor5D {
    const [depth, height, width] = this.axes, [, , , channels, outputs] = this.filterShape, samples = x.shape[0];
    const planes = this.operators.reshape(x, [samples * depth.size, height.size, width.size, channels]);
    const dPlanes = this.operators.reshape(dy, [samples * depth.outputs, height.outputs, width.outputs, outputs]);
    const step = this.slabDepth();
    for (let sample = 0; sample < samples; sample++) {
      for (let from = 0; from < depth.outputs; from += step) {
        this.addSlab(planes, dPlanes, { sample, from, to: Math.min(depth.outputs, from + step) });
      }
    }
    planes.dispose();
    dPlanes.dispose();
    return this.assemble();
  }

  /** Depths of dy in one slab. */
  private slabDepth(): number {
    const [depth, height, width] = this.axes, [, , , channels, outputs] = this.filterShape;
    const widest = Math.max(...this.groups.map(({ taps }) => taps.length));
    const planeBytes = 4 * height.pitch * width.pitch * (channels * (1 + widest) + outputs);
    return Math.max(1, Math.min(depth.outputs, Math.round(slabBytes / planeBytes)));
  }

  private addSlab(planes: Tensor, dPlanes: Tensor, slab: Slab): void {
    const [depth, height, width] = this.axes;
    const dRows = this.gradientRows(dPlanes, slab), phases = this.phaseRows(planes, slab);
    const rows = phases.shape[0]! / (depth.stride * height.stride * width.stride), channels = phases.shape[1]!;
    for (let phase = 0; phase < depth.stride * height.stride; phase++) {
      for (const group of this.groups) {
        const first = (phase * width.stride + group.phase) * rows;
        const voxels = slice(this.operators, phases, [first, 0], [rows, channels]);
        this.addGroup(voxels, [Math.floor(phase / height.stride), phase % height.stride], group, dRows);
      }
    }
    tf.dispose([dRows, phases]);
  }

  /** dy of a slab as rows of K numbers in the pitch of the phases, without the zeros after the last voxel. */
  private gradientRows(dPlanes: Tensor, { sample, from, to }: Slab): Tensor {
    const { operators, axes: [depth, height, width] } = this, outputs = this.filterShape[4];
    const first = sample * depth.outputs + from;
    const slab = slice(operators, dPlanes, [first, 0, 0, 0], [to - from, height.outputs, width.outputs, outputs]);
    const after = [height.pitch - height.outputs, width.pitch - width.outputs] as const;
    const padded = padVolume(operators, slab, [[0, 0], [0, after[0]], [0, after[1]]]);
    return asRows(operators, padded, outputs, this.rowCount(to - from));
  }

  /** Rows from the first to the last voxel of dy. */
  private rowCount(depths: number): number {
    const [, height, width] = this.axes;
    return ((depths - 1) * height.pitch + height.outputs - 1) * width.pitch + width.outputs;
  }

  /** The products of all taps of one phase, their shifts along the width side by side; consumes `voxels`. */
  private addGroup(
    voxels: Tensor,
    [depthPhase, heightPhase]: readonly [number, number],
    group: TapGroup,
    dRows: Tensor,
  ) {
    const { operators, axes: [depth, height, width] } = this;
    const beside = sideBySide(operators, voxels, group.shifts.map((shift) => shift + width.before));
    for (const [kd, depthTap] of depth.taps.entries()) {
      for (const [kh, heightTap] of height.taps.entries()) {
        if (depthTap.phase !== depthPhase || heightTap.phase !== heightPhase) continue;
        const line = (depthTap.shift + depth.before) * height.pitch + heightTap.shift + height.before;
        const window = slice(operators, beside, [line * width.pitch, 0], [dRows.shape[0]!, beside.shape[1]!]);
        this.productsOf(kd, kh, group).push(operators.run("MatMul", transposed, [window, dRows]));
        window.dispose();
      }
    }
    beside.dispose();
  }

  /**
   * All phases of a slab of x, one after the other (the phase along the width changes fastest), as rows of C numbers
   * with the zeros that make every step a window.
   */
  private phaseRows(planes: Tensor, { sample, from, to }: Slab): Tensor {
    const { operators, axes, axes: [depth, height, width], filterShape: [, , , channels] } = this;
    const first = depth.stride * Math.max(0, from - depth.before);
    const depths = Math.min(depth.size, depth.stride * (to + depth.after)) - first;
    const begin = [sample * depth.size + first, 0, 0, 0], size = [depths, height.size, width.size, channels];
    const slab = slice(operators, planes, begin, size);
    // Windows of the last taps may reach into one more plane.
    const lastLine = (depth.before + depth.after) * height.pitch + height.before + height.after;
    const lastRow = lastLine * width.pitch + width.before + width.after + this.rowCount(to - from);
    const total = [Math.ceil(lastRow / (height.pitch * width.pitch)), height.pitch, width.pitch];
    const before = [Math.max(0, depth.before - from), height.before, width.before];
    const strides = axes.map(({ stride }) => stride);
    const paddings = strides.map((stride, i) =>
      [stride * before[i]!, stride * (total[i]! - before[i]!) - size[i]!] as const
    );
    return asRows(operators, split(operators, slab, strides, paddings), channels);
  }

  private productsOf(kd: number, kh: number, { phase }: TapGroup): Tensor[] {
    const key = `${kd} ${kh} ${phase}`, products = this.products.get(key) ?? [];
    this.products.set(key, products);
    return products;
  }

  /** Sums over the slabs, then the taps in their order. */
  private assemble(): Tensor5D {
    const { operators, filterShape, filterShape: [kernelDepth, kernelHeight, kernelWidth, channels, outputs] } = this;
    const taps: Tensor[] = [];
    for (let line = 0; line < kernelDepth * kernelHeight; line++) {
      const ofLine = new Array<Tensor>(kernelWidth);
      for (const group of this.groups) {
        const total = sum(operators, this.productsOf(Math.floor(line / kernelHeight), line % kernelHeight, group));
        for (const [i, kw] of group.taps.entries()) {
          ofLine[kw] = slice(operators, total, [i * channels, 0], [channels, outputs]);
        }
        total.dispose();
      }
      taps.push(...ofLine);
    }
    const all = joined(operators, taps, 0);
    const gradient = operators.reshape(all, filterShape);
    all.dispose();
    return gradient as Tensor5D;
  }
}

const transposed = [float32, attribute.bool("transpose_a", true), attribute.bool("transpose_b", false)];

/** Zeros around depth, height and width of x [D, H, W, C]; consumes x. */
function padVolume(operators: Operators, x: Tensor, paddings: Paddings): Tensor {
  if (paddings.flat().every((amount) => amount === 0)) return x;
  const padded = pad(operators, x, [...paddings, [0, 0]]);
  x.dispose();
  return padded;
}

/** Pads, then splits x [D, H, W, C] into its phases: [phases, D/s, H/s, W/s, C]; consumes x. */
function split(operators: Operators, x: Tensor, strides: readonly number[], paddings: Paddings): Tensor {
  if (strides.every((stride) => stride === 1)) return padVolume(operators, x, paddings);
  const volume = operators.reshape(x, [1, ...x.shape]);
  const attributes = [float32, attribute.type("Tblock_shape", dataTypes.TF_INT32), paddingsAttribute];
  const inputs = [volume, Constant.int32s(strides), Constant.int32s(paddings.flat(), [3, 2])];
  const phases = operators.run("SpaceToBatchND", attributes, inputs);
  tf.dispose([x, volume]);
  return phases;
}

/** [rows, channels], cut off after `count` rows; consumes x. */
function asRows(operators: Operators, x: Tensor, channels: number, count?: number): Tensor {
  const rows = operators.reshape(x, [x.size / channels, channels]);
  x.dispose();
  if (count === undefined) return rows;
  const cut = slice(operators, rows, [0, 0], [count, channels]);
  rows.dispose();
  return cut;
}

/** Windows of x that start at the given rows, next to each other; consumes x. */
function sideBySide(operators: Operators, x: Tensor, starts: readonly number[]): Tensor {
  const rows = x.shape[0]! - Math.max(...starts), channels = x.shape[1]!;
  const windows = starts.map((start) => slice(operators, x, [start, 0], [rows, channels]));
  x.dispose();
  return joined(operators, windows, 1);
}

/** Consumes the parts, of which there is at least one. */
function sum(operators: Operators, parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0]!;
  const total = operators.run("AddN", [attribute.integer("N", parts.length), float32], parts);
  tf.dispose([...parts]);
  return total;
}
