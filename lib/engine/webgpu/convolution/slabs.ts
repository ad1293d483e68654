/** Parts of a convolution that fit an adapter's bindings: some samples, or some planes of one sample. */
import { EngineError } from "../../../errors.ts";
import type { Binding } from "../gpu.ts";
import type { Triple } from "../../types.ts";

/** Output rows [first, first + count) of planes in samples [sample, sample + samples). */
export interface Slab {
  readonly sample: number;
  readonly samples: number;
  readonly plane: number;
  readonly planes: number;
  /** Planes of the source that they read, all of them inside it (none: count 0). */
  readonly source: { readonly plane: number; readonly planes: number };
}

export interface SlabbedWork {
  readonly samples: number;
  /** Planes of the grid of rows. */
  readonly planes: number;
  readonly sourcePlanes: number;
  /** Bytes of a plane of the source and of what one plane of rows covers in the other tensor. */
  readonly sourcePlaneBytes: number;
  readonly planeBytes: number;
  /** Of all samples together, where the last plane of rows covers less than the others. */
  readonly sampleBytes: number;
  /** Along depth. */
  readonly taps: number;
  readonly stride: number;
  readonly origin: number;
}

/** @throws EngineError "engine.webgpu.limits" when not even one plane fits */
export function slabsOf(work: SlabbedWork, limits: Pick<GPUSupportedLimits, "maxStorageBufferBindingSize">): Slab[] {
  const { samples, planes, sourcePlanes, sourcePlaneBytes, planeBytes, sampleBytes } = work;
  // A binding begins at a multiple of the device's alignment, up to 256 bytes before what is wanted.
  const most = limits.maxStorageBufferBindingSize - 256;
  const together = Math.floor(most / Math.max(sourcePlanes * sourcePlaneBytes, sampleBytes));
  if (together >= 1) {
    return ranges(samples, together).map(([sample, count]) => (
      { sample, samples: count, plane: 0, planes, source: { plane: 0, planes: sourcePlanes } }
    ));
  }
  const bySource = Math.floor((Math.floor(most / sourcePlaneBytes) - work.taps) / work.stride) + 1;
  const height = Math.min(bySource, Math.floor(most / planeBytes));
  if (height < 1) {
    throw new EngineError("engine.webgpu.limits", "one plane of this volume is more than the adapter binds at once", {
      expected: `at most ${most} bytes`,
      found: `${Math.max(planeBytes, work.taps * sourcePlaneBytes)} bytes`,
    });
  }
  return Array.from({ length: samples }, (_, sample) =>
    ranges(planes, height).map(([plane, count]) => {
      const inside = (row: number) => Math.min(sourcePlanes, Math.max(0, row));
      const from = inside(plane * work.stride + work.origin);
      const end = inside((plane + count - 1) * work.stride + work.origin + work.taps);
      const source = end > from ? { plane: from, planes: end - from } : { plane: 0, planes: 0 };
      return { sample, samples: 1, plane, planes: count, source };
    })).flat();
}

/** [first, count] of runs of at most `most` that make up 0 … length − 1. */
function ranges(length: number, most: number): [number, number][] {
  const runs = Math.ceil(length / most);
  return Array.from({ length: runs }, (_, i) => [i * most, Math.min(most, length - i * most)]);
}

/** A part of a tensor, in floats, as a binding and the float at which the part begins in it. */
export function part(
  { buffer, offset = 0 }: Binding,
  { first, length }: { first: number; length: number },
  { minStorageBufferOffsetAlignment: alignment }: Pick<GPUSupportedLimits, "minStorageBufferOffsetAlignment">,
): { binding: Binding; first: number } {
  const from = offset + 4 * first, aligned = Math.floor(from / alignment) * alignment;
  // An empty part (a slab that reads padding alone) still has to be an element.
  const size = Math.min(Math.max(16, from - aligned + 4 * length), buffer.size - aligned);
  return {
    binding: { buffer, offset: aligned, size },
    first: (from - aligned) / 4,
  };
}

/** Workgroups along x and y for `count` of them: kernels count them as one row after the other. */
export function foldWorkgroups(count: number, most: number): [number, number] {
  const y = Math.ceil(count / most);
  return [Math.ceil(count / y), y];
}

export const ceilDivide = (a: number, b: number): number => Math.ceil(a / b);

/** Rows of vec4<i32>, as the kernels' uniforms. */
export function uniforms(...rows: readonly (readonly number[])[]): ArrayBuffer {
  const words = new Int32Array(4 * rows.length);
  rows.forEach((row, i) => words.set(row, 4 * i));
  return words.buffer;
}

/** Floats from one sample, plane, row and voxel of a dense volume to the next. */
export const floatSteps = ([depth, height, width]: Triple, channels: number): [number, number, number, number] => [
  depth * height * width * channels,
  height * width * channels,
  width * channels,
  channels,
];
