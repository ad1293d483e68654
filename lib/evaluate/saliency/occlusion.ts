/**
 * Occlusion (Zeiler and Fergus 2014, section 4.2) in 3-D: a cube of the volume's mean is moved over the network's input;
 * the map holds, at the cube's centre, how far the logit drops. Negative values (the logit rises) are kept.
 */
import type { Triple } from "../../engine/types.ts";
import type { Network } from "../../nn/network.ts";
import * as tf from "../../tf.ts";
import type { ExplainedScan } from "./cam.ts";
import type { GridMap } from "./grid_map.ts";

export interface OcclusionOptions {
  /** Cube in input voxels; default: a quarter of each side. */
  readonly size?: Triple;
  /** Default: half the cube. */
  readonly stride?: Triple;
  /** Volumes per forward pass; default 8. */
  readonly batch?: number;
  /** Default: the mean of the volume. */
  readonly fill?: number;
}

export interface OcclusionProgress {
  readonly done: number;
  readonly total: number;
}

export interface OcclusionWatch {
  readonly onProgress?: (progress: OcclusionProgress) => void;
  /** Asked between batches. @throws its reason */
  readonly signal?: AbortSignal;
}

/** The map of one volume: a cell per place of the cube, its value the drop of the logit. */
export async function occlusionMap(
  network: Network,
  volume: { readonly voxels: Float32Array; readonly shape: Triple },
  outputOf: (logits: readonly number[]) => number,
  options: OcclusionOptions = {},
  watch: OcclusionWatch = {},
): Promise<ExplainedScan> {
  const { voxels, shape } = volume;
  const { size, fill, batch, axes, corners } = planOcclusion(volume, options);
  const logits = (await forward(network, [voxels], shape))[0]!, output = outputOf(logits);
  const values = new Float32Array(corners.length);
  for (let start = 0; start < corners.length; start += batch) {
    watch.signal?.throwIfAborted();
    const occluded = corners.slice(start, start + batch).map((corner) => occlude(voxels, shape, corner, size, fill));
    const rows = await forward(network, occluded, shape);
    rows.forEach((row, i) => values[start + i] = logits[output]! - row[output]!);
    watch.onProgress?.({ done: start + rows.length, total: corners.length });
    await new Promise((resolve) => setTimeout(resolve)); // lets a stop message in
  }
  const map: GridMap = {
    values,
    shape: triple((axis) => axes[axis].length),
    stride: triple((axis) => spacing(axes[axis])),
    origin: triple((axis) => (size[axis] - 1) / 2),
  };
  return { map, logits, output };
}

/** First voxels of the cubes, spread evenly from border to border (rounded to whole voxels). */
export function planOcclusion(
  { voxels, shape }: { readonly voxels: Float32Array; readonly shape: Triple },
  options: OcclusionOptions,
) {
  const size = boundedBy(shape, options.size ?? triple((axis) => Math.ceil(shape[axis] / 4)));
  const stride = boundedBy(size, options.stride ?? triple((axis) => Math.ceil(size[axis] / 2)));
  const starts = (axis: 0 | 1 | 2) => {
    const last = shape[axis] - size[axis], steps = Math.ceil(last / stride[axis]);
    return Array.from({ length: steps + 1 }, (_, i) => steps === 0 ? 0 : Math.round(i * last / steps));
  };
  const axes = [starts(0), starts(1), starts(2)] as const;
  const corners = axes[0].flatMap((z) => axes[1].flatMap((y) => axes[2].map((x): Triple => [z, y, x])));
  const fill = options.fill ?? voxels.reduce((sum, value) => sum + value, 0) / voxels.length;
  return { size, stride, fill, batch: options.batch ?? 8, axes, corners };
}

const triple = <T>(value: (axis: 0 | 1 | 2) => T): readonly [T, T, T] => [value(0), value(1), value(2)];
const boundedBy = (limit: Triple, wanted: Triple): Triple =>
  triple((axis) => Math.min(limit[axis], Math.max(1, Math.round(wanted[axis]))));
const spacing = (starts: readonly number[]) => starts.length === 1 ? 1 : starts.at(-1)! / (starts.length - 1);

function occlude(
  voxels: Float32Array,
  [, height, width]: Triple,
  [z0, y0, x0]: Triple,
  [depth, rows, columns]: Triple,
  fill: number,
): Float32Array {
  const copy = voxels.slice();
  for (let z = z0; z < z0 + depth; z++) {
    for (let y = y0; y < y0 + rows; y++) {
      const row = (z * height + y) * width + x0;
      copy.fill(fill, row, row + columns);
    }
  }
  return copy;
}

async function forward(network: Network, volumes: readonly Float32Array[], shape: Triple): Promise<number[][]> {
  const joined = new Float32Array(volumes.length * volumes[0]!.length);
  volumes.forEach((voxels, i) => joined.set(voxels, i * voxels.length));
  const { logits } = network.forward(tf.tensor5d(joined, [volumes.length, ...shape, 1]));
  const rows = await logits.array();
  logits.dispose();
  return rows;
}
