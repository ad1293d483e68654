/** Runs `gatherKernel`: a volume convolved with packed weights, in parts where the sum or the tensors ask for it. */
import type { Binding, Gpu } from "../gpu.ts";
import { axes, triple, volume } from "../../convolution/sizes.ts";
import type { Triple } from "../../types.ts";
import { gatherKernel } from "./gather_kernel.ts";
import { sumParts } from "./parts.ts";
import { ceilDivide, floatSteps, foldWorkgroups, part, type Slab, slabsOf, uniforms } from "./slabs.ts";
import type { Tile } from "./tile.ts";
import { digitsOf } from "./wgsl.ts";

export type Device = Pick<Gpu, "run" | "scratch" | "limits">;

export interface GatherWork {
  readonly label: string;
  readonly samples: number;
  readonly source: { readonly binding: Binding; readonly size: Triple; readonly channels: number };
  /** [taps · source channels, columns rounded up to a multiple of 4] */
  readonly weights: Binding;
  readonly target: {
    readonly binding: Binding;
    readonly size: Triple;
    readonly channels: number;
    /** Rows are the voxels offset + spacing · (grid position). */
    readonly spacing: Triple;
    readonly offset: Triple;
  };
  /** Depth, height, width of the rows of a sample. */
  readonly grid: Triple;
  /** Row p reads the source voxels origin + stride · p + tap. */
  readonly taps: Triple;
  readonly stride: Triple;
  readonly origin: Triple;
}

const isOne = (triple: Triple) => triple.every((value) => value === 1);

export function gather(gpu: Device, work: GatherWork, tile: Tile): void {
  const { grid, samples, source, target, taps, stride, origin } = work;
  if (volume(grid) * samples === 0) return;
  const steps = floatSteps(target.size, target.channels);
  const slabs = slabsOf({
    samples,
    planes: grid[0],
    sourcePlanes: source.size[0],
    sourcePlaneBytes: 4 * source.channels * source.size[1] * source.size[2],
    planeBytes: 4 * steps[1] * target.spacing[0],
    sampleBytes: 4 * steps[0],
    taps: taps[0],
    stride: stride[0],
    origin: origin[0],
  }, gpu.limits);
  for (const slab of slabs) gatherSlab(gpu, work, tile, slab);
}

/**
 * Parts of the sum, for few rows and columns under a long sum: a card needs some hundred workgroups to be busy. The
 * number follows from the shape alone, so that neither the tile nor the adapter changes the order of the additions.
 */
function partsOf(rows: number, columns: number, terms: number): { parts: number; length: number } {
  const tiles = ceilDivide(rows, 64) * ceilDivide(columns, 64);
  const wanted = tiles >= 384 ? 1 : Math.min(ceilDivide(768, tiles), Math.floor(terms / 256));
  const length = 32 * ceilDivide(ceilDivide(terms, Math.max(1, wanted)), 32);
  return { parts: Math.max(1, ceilDivide(terms, length)), length };
}

function gatherSlab(gpu: Device, work: GatherWork, tile: Tile, slab: Slab): void {
  const { source, target, grid, taps, stride } = work, columns = target.channels;
  const rows = slab.samples * slab.planes * grid[1] * grid[2], terms = volume(taps) * source.channels;
  const dense = isOne(target.spacing);
  const { parts, length } = dense
    ? partsOf(work.samples * volume(grid), columns, terms)
    : { parts: 1, length: Math.max(terms, 1) };
  const vectorSource = source.channels % 4 === 0, vectorTarget = columns % 4 === 0;
  const read = sourcePart(gpu, work, slab), write = targetPart(gpu, work, slab);
  const scratch = parts === 1 ? undefined : gpu.scratch(4 * parts * rows * columns);
  const elements = vectorSource ? 4 : 1, channels = source.channels / elements;
  const origin = triple((axis) => work.origin[axis] + (axis === 0 ? slab.plane * stride[0] - slab.source.plane : 0));
  const columnTiles = ceilDivide(columns, tile.columns);
  const [x, y] = foldWorkgroups(ceilDivide(rows, tile.rows) * columnTiles, gpu.limits.maxComputeWorkgroupsPerDimension);
  const steps = floatSteps(target.size, columns);
  gpu.run({
    label: work.label,
    code: gatherKernel({ tile, vectorSource, vectorTarget, dense }),
    inputs: [read.binding, work.weights],
    outputs: [scratch?.binding ?? write.binding],
    uniforms: uniforms(
      [slab.planes, grid[1], grid[2], rows],
      [slab.source.planes, source.size[1], source.size[2], channels],
      [...stride, length],
      [...origin, read.first / elements],
      [...taps, terms],
      digitsOf(tile.depth / elements, [...taps, channels]),
      [steps[0], ...axes.map((axis) => steps[axis + 1]! * target.spacing[axis])],
      [columns, columnTiles, scratch === undefined ? write.first : 0, rows * columns],
    ),
    workgroups: [x, y, parts],
  });
  if (scratch === undefined) return;
  sumParts(gpu, {
    parts: scratch.binding,
    count: parts,
    sums: write.binding,
    first: write.first,
    length: rows * columns,
  });
  scratch.release();
}

function sourcePart({ limits }: Device, { source }: GatherWork, slab: Slab) {
  const [sample, plane] = floatSteps(source.size, source.channels);
  const planes = (slab.samples - 1) * source.size[0] + slab.source.planes;
  const first = slab.sample * sample + slab.source.plane * plane;
  return part(source.binding, { first, length: planes * plane }, limits);
}

function targetPart({ limits }: Device, { target }: GatherWork, slab: Slab) {
  const steps = floatSteps(target.size, target.channels), { spacing, offset } = target;
  const plane = slab.plane * spacing[0];
  const planes = Math.min(slab.planes * spacing[0], target.size[0] - plane);
  const first = slab.sample * steps[0] + plane * steps[1];
  const length = (slab.samples - 1) * steps[0] + planes * steps[1];
  const result = part(target.binding, { first, length }, limits);
  const shift = axes.reduce<number>((sum, axis) => sum + offset[axis] * steps[axis + 1]!, 0);
  return { binding: result.binding, first: result.first + shift };
}
