/** What must not change a result: repeating it, the tile, an adapter that binds little at once. */
import { expect, test } from "vitest";
import { sizesOf } from "../../../../lib/engine/convolution/sizes.ts";
import { sizeOf } from "../../../../lib/engine/reference.ts";
import { relativeError } from "../../../../lib/engine/self_test.ts";
import type { Conv3dGeometry, Triple } from "../../../../lib/engine/types.ts";
import { convolutionOps } from "../../../../lib/engine/webgpu/convolution/mod.ts";
import { filterGradient, forward, inputGradient } from "../../../../lib/engine/webgpu/convolution/passes.ts";
import { slabsOf } from "../../../../lib/engine/webgpu/convolution/slabs.ts";
import { type Tile, tileName, tileNamed, tilesFor } from "../../../../lib/engine/webgpu/convolution/tile.ts";
import type { WebgpuEngine } from "../../../../lib/engine/webgpu/engine.ts";
import type { Gpu } from "../../../../lib/engine/webgpu/gpu.ts";
import * as tf from "../../../../lib/tf.ts";
import { describeEngines } from "../../../support/engines.ts";
import { hashFill } from "../../../support/hash_fill.ts";

type Shape5 = tf.Tensor5D["shape"];
const tensor = (shape: Shape5, seed: number) =>
  tf.tensor5d(Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * hashFill(i, seed)), shape);

interface Operands {
  readonly x: tf.Tensor5D;
  readonly w: tf.Tensor5D;
  readonly dy: tf.Tensor5D;
  readonly geometry: Conv3dGeometry;
}

function operands(xShape: Shape5, wShape: Shape5, geometry: Conv3dGeometry): Operands {
  const { batch, output, outputChannels } = sizesOf(xShape, wShape, geometry);
  return { x: tensor(xShape, 1), w: tensor(wShape, 2), dy: tensor([batch, ...output, outputChannels], 3), geometry };
}

/** y, dx and dw as this device computes them. */
async function passes(gpu: Gpu, { x, w, dy, geometry }: Operands) {
  const ops = convolutionOps(gpu);
  return await valuesOf([
    ops.conv3d(x, w, geometry),
    ops.conv3dInputGrad(dy, w, x.shape, geometry),
    ops.conv3dFilterGrad(x, dy, w.shape, geometry),
  ]);
}

async function valuesOf(tensors: readonly tf.Tensor[]) {
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  tf.dispose([...tensors]);
  return values as [Float32Array, Float32Array, Float32Array];
}

async function withTile(gpu: Gpu, { x, w, dy, geometry }: Operands, tile: Tile) {
  const sizes = sizesOf(x.shape, w.shape, geometry), of = (tensor: tf.Tensor) => gpu.bindingOf(tensor);
  const [y, dx, dw] = [dy, x, w].map(({ shape }) => gpu.allocate(shape));
  forward(gpu, sizes, { x: of(x), w: of(w), y: y!.binding }, tile);
  inputGradient(gpu, sizes, { dy: of(dy), w: of(w), dx: dx!.binding }, tile);
  filterGradient(gpu, { sizes, x: of(x), dy: of(dy), dw: dw!.binding }, tile);
  return await valuesOf([y!, dx!, dw!].map(({ tensor }) => tensor));
}

/** The same device, on which a binding holds at most this many bytes. */
const limited = (gpu: Gpu, maxStorageBufferBindingSize: number): Gpu => {
  const { minStorageBufferOffsetAlignment, maxComputeWorkgroupsPerDimension } = gpu.limits;
  const limits = { minStorageBufferOffsetAlignment, maxComputeWorkgroupsPerDimension, maxStorageBufferBindingSize };
  return {
    device: gpu.device,
    limits: limits as GPUSupportedLimits,
    bindingOf: (tensor) => gpu.bindingOf(tensor),
    allocate: (shape) => gpu.allocate(shape),
    scratch: (bytes) => gpu.scratch(bytes),
    time: (body) => gpu.time(body),
    profile: (body) => gpu.profile(body),
    run: (program) => {
      for (const { buffer, offset = 0, size = buffer.size - offset } of [...program.inputs, ...program.outputs]) {
        expect(size, program.label).toBeLessThanOrEqual(maxStorageBufferBindingSize);
        expect(offset % minStorageBufferOffsetAlignment).toBe(0);
      }
      gpu.run(program);
    },
  };
};

describeEngines("WGSL convolutions", (engine) => {
  const gpu = () => (engine() as WebgpuEngine).gpu;
  const stride1: Conv3dGeometry = { stride: [1, 1, 1], padding: [1, 1, 1] };

  test("give the same bits twice", async () => {
    const given = operands([2, 8, 12, 16, 8], [3, 3, 3, 8, 8], stride1);
    const first = await passes(gpu(), given);
    (await passes(gpu(), given)).forEach((values, i) => expect(values).toEqual(first[i]));
  });

  test("give the same bits with every tile", async () => {
    // 576 voxels and 648 terms: sums in parts, tiles that end inside the volume; the tiles differ in every number
    const given = operands([1, 6, 8, 12, 24], [3, 3, 3, 24, 40], stride1);
    const names = ["64x64x8/8x8", "16x64x16/4x4", "128x32x16/8x4"];
    const results: Float32Array[][] = [];
    for (const name of names) results.push(await withTile(gpu(), given, tileNamed(name)!));
    for (const values of results.slice(1)) values.forEach((value, i) => expect(value).toEqual(results[0]![i]));
  });

  test.each([
    { name: "sample by sample", kilobytes: 37, x: [3, 9, 16, 16, 4], out: 4, stride: [1, 1, 1] },
    { name: "by depth slabs", kilobytes: 17, x: [2, 9, 16, 16, 4], out: 4, stride: [1, 1, 1] },
    { name: "by depth slabs at stride 2", kilobytes: 17, x: [2, 9, 16, 16, 4], out: 8, stride: [2, 2, 2] },
    {
      name: "by depth slabs, channels that fill no four",
      kilobytes: 24,
      x: [2, 9, 16, 16, 5],
      out: 6,
      stride: [2, 1, 1],
    },
  ])("on an adapter that binds little: $name", async ({ kilobytes, x, out, stride }) => {
    const geometry: Conv3dGeometry = { stride: stride as unknown as Triple, padding: [1, 0, 1] };
    const given = operands(x as Shape5, [3, 1, 3, x[4]!, out], geometry);
    const whole = await passes(gpu(), given), divided = await passes(limited(gpu(), 1024 * kilobytes), given);
    expect(divided[0]).toEqual(whole[0]);
    expect(divided[1]).toEqual(whole[1]);
    expect(relativeError(divided[2], whole[2])).toBeLessThan(1e-6); // sums of parts that begin anew with each slab
  });

  test("a plane that is more than one binding is refused", async () => {
    const given = operands([1, 3, 16, 16, 8], [1, 1, 1, 8, 8], { stride: [1, 1, 1], padding: [0, 0, 0] });
    await expect(passes(limited(gpu(), 4096), given)).rejects.toThrow(/one plane of this volume/);
  });

  test("every tile for this device is named and found by its name", () => {
    const offered = tilesFor(4096, 64, gpu().limits);
    expect(offered.length).toBeGreaterThan(2);
    for (const tile of offered) expect(tileNamed(tileName(tile))).toBe(tile);
    expect(tilesFor(4096, 8, gpu().limits).every(({ columns }) => columns <= 16)).toBe(true);
  });
}, ["webgpu"]);

test("slabs cover every plane once and name all the source planes they read", () => {
  const work = {
    samples: 2,
    planes: 10,
    sourcePlanes: 20,
    sourcePlaneBytes: 1000,
    planeBytes: 2000,
    sampleBytes: 20_000,
    taps: 3,
    stride: 2,
    origin: -1,
  };
  const slabs = slabsOf(work, { maxStorageBufferBindingSize: 8256 });
  expect(slabs.map(({ sample, plane, planes }) => [sample, plane, planes])).toEqual(
    [0, 1].flatMap((sample) => [[sample, 0, 3], [sample, 3, 3], [sample, 6, 3], [sample, 9, 1]]),
  );
  expect(slabs.slice(0, 4).map(({ source }) => [source.plane, source.planes])).toEqual([[0, 6], [5, 7], [11, 7], [
    17,
    3,
  ]]);
  expect(slabsOf(work, { maxStorageBufferBindingSize: 40_256 })).toHaveLength(1);
  expect(slabsOf(work, { maxStorageBufferBindingSize: 20_256 })).toHaveLength(2);
});
