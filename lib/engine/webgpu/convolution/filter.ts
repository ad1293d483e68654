/** Runs `filterKernel`: voxels are divided into parts of the sum, whose results are added in a fixed order. */
import { EngineError } from "../../../errors.ts";
import { axes, type ConvolutionSizes, triple, volume } from "../../convolution/sizes.ts";
import type { Binding } from "../gpu.ts";
import { filterKernel } from "./filter_kernel.ts";
import type { Device } from "./gather.ts";
import { sumParts } from "./parts.ts";
import { ceilDivide, floatSteps, foldWorkgroups, part, type Slab, slabsOf, uniforms } from "./slabs.ts";
import type { Tile } from "./tile.ts";
import { digitsOf } from "./wgsl.ts";

export interface FilterWork {
  readonly sizes: ConvolutionSizes;
  readonly x: Binding;
  readonly dy: Binding;
  /** [taps, in, out] */
  readonly dw: Binding;
}

/** Most bytes of partial sums; one part always passes. */
const mostPartBytes = 64 * 2 ** 20;

/**
 * Voxels in a part of the sum: enough parts to keep a card busy, none too short to be worth its store. It follows from
 * the shape alone, so that neither the tile nor the adapter changes the order of the additions.
 */
function partLength({ kernel, inputChannels, outputChannels, output, batch }: ConvolutionSizes): number {
  const rows = volume(kernel) * inputChannels, voxels = batch * volume(output);
  const tiles = ceilDivide(rows, 64) * ceilDivide(outputChannels, 64);
  const wanted = Math.min(
    ceilDivide(2048, tiles),
    Math.floor(voxels / 512),
    Math.floor(mostPartBytes / (4 * rows * outputChannels)),
  );
  return 64 * ceilDivide(ceilDivide(voxels, Math.max(1, wanted)), 64);
}

export function filterGradient(gpu: Device, work: FilterWork, tile: Tile): void {
  const { sizes, dw } = work, { batch, input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const planeBytes = 4 * outputChannels * output[1] * output[2];
  const slabs = slabsOf({
    samples: batch,
    planes: output[0],
    sourcePlanes: input[0],
    sourcePlaneBytes: 4 * inputChannels * input[1] * input[2],
    planeBytes,
    sampleBytes: planeBytes * output[0],
    taps: kernel[0],
    stride: stride[0],
    origin: -padding[0],
  }, gpu.limits);
  const length = partLength(sizes), size = volume(kernel) * inputChannels * outputChannels;
  const voxelsOf = (slab: Slab) => slab.samples * slab.planes * output[1] * output[2];
  const counts = slabs.map((slab) => ceilDivide(voxelsOf(slab), length));
  const total = counts.reduce((sum, count) => sum + count, 0);
  requireRoom(gpu, 4 * size * total);
  const scratch = total === 1 ? undefined : gpu.scratch(4 * size * total);
  let first = 0;
  slabs.forEach((slab, i) => {
    filterSlab(gpu, work, tile, slab, { target: scratch?.binding ?? dw, first, count: counts[i]!, length });
    first += counts[i]!;
  });
  if (scratch === undefined) return;
  sumParts(gpu, { parts: scratch.binding, count: total, sums: dw, first: 0, length: size });
  scratch.release();
}

function requireRoom({ limits }: Device, bytes: number): void {
  if (bytes <= limits.maxStorageBufferBindingSize) return;
  throw new EngineError("engine.webgpu.limits", "partial sums of a filter gradient are more than the adapter binds", {
    expected: `at most ${limits.maxStorageBufferBindingSize} bytes`,
    found: `${bytes} bytes`,
  });
}

interface PartRange {
  /** [parts, rows, columns] */
  readonly target: Binding;
  readonly first: number;
  readonly count: number;
  /** Voxels in a part. */
  readonly length: number;
}

function filterSlab(gpu: Device, { sizes, x, dy }: FilterWork, tile: Tile, slab: Slab, range: PartRange): void {
  const { input, output, kernel, stride, padding, inputChannels, outputChannels } = sizes;
  const vectorSource = inputChannels % 4 === 0, vectorTarget = outputChannels % 4 === 0;
  const [inputSample, inputPlane] = floatSteps(input, inputChannels);
  const [outputSample, outputPlane] = floatSteps(output, outputChannels);
  const planes = (slab.samples - 1) * input[0] + slab.source.planes;
  const source = part(x, {
    first: slab.sample * inputSample + slab.source.plane * inputPlane,
    length: planes * inputPlane,
  }, gpu.limits);
  const voxels = slab.samples * slab.planes * output[1] * output[2];
  const gradient = part(dy, {
    first: slab.sample * outputSample + slab.plane * outputPlane,
    length: voxels * outputChannels,
  }, gpu.limits);
  const elements = vectorSource ? 4 : 1, channels = inputChannels / elements;
  const rows = volume(kernel) * inputChannels, columnTiles = ceilDivide(outputChannels, tile.columns);
  const [groupsX, groupsY] = foldWorkgroups(
    ceilDivide(rows, tile.rows) * columnTiles,
    gpu.limits.maxComputeWorkgroupsPerDimension,
  );
  const origin = triple((axis) => (axis === 0 ? slab.plane * stride[0] - slab.source.plane : 0) - padding[axis]);
  gpu.run({
    label: "conv3dFilterGrad",
    code: filterKernel({ tile, vectorSource, vectorTarget }),
    inputs: [source.binding, gradient.binding],
    outputs: [range.target],
    uniforms: uniforms(
      [slab.planes, output[1], output[2], rows],
      [slab.source.planes, input[1], input[2], channels],
      [...stride, range.length],
      [...origin, source.first / elements],
      [...kernel, voxels],
      digitsOf(tile.depth, [slab.samples, slab.planes, ...axes.slice(1).map((axis) => output[axis])]),
      [outputChannels, columnTiles, range.first, gradient.first],
    ),
    workgroups: [groupsX, groupsY, range.count],
  });
}
