/** The kit's side of `bench conv`: one operation on one engine, when it is told to. */
import * as tf from "../../lib/tf.ts";
import { startEngine } from "../../lib/engine/registry.ts";
import type { EngineName, EngineOps } from "../../lib/engine/types.ts";
import { WebgpuEngine } from "../../lib/engine/webgpu/engine.ts";
import { type ConvAnswer, type ConvReady, type ConvRequest, outputShape } from "./conv.ts";
import { fmaPeakGflops } from "./fma_peak.ts";
import { settled } from "./settled.ts";
import { serveRounds } from "./side.ts";
import { median } from "./statistics.ts";

const { engine: name } = JSON.parse(Deno.args[0] ?? "{}") as { engine: EngineName };
const engine = await startEngine(name);
const { version, threads, device } = engine.describe();
const peak = engine instanceof WebgpuEngine ? { fmaGflops: await fmaPeakGflops(engine.gpu) } : {};
const ready: ConvReady = { version, threads, device: device.name, ...peak };

await serveRounds<ConvRequest, ConvAnswer>(ready, async (request) => ({
  // The yardstick and the convolution share a process and a moment.
  ...(name === "wasm" ? { matmulGflops: await matmulGflops() } : {}),
  seconds: await timeConvolution(engine.ops, request),
}));

async function timeConvolution(ops: EngineOps, { shape, pass, repeats, inner = 1 }: ConvRequest): Promise<number[]> {
  const geometry = { stride: shape.stride, padding: shape.padding };
  const x = tf.randomUniform([...shape.input]) as tf.Tensor5D;
  const w = tf.randomNormal([...shape.kernel]) as tf.Tensor5D;
  const dy = tf.randomUniform(outputShape(shape)) as tf.Tensor5D;
  const work = {
    forward: () => ops.conv3d(x, w, geometry),
    inputGrad: () => ops.conv3dInputGrad(dy, w, x.shape, geometry),
    filterGrad: () => ops.conv3dFilterGrad(x, dy, w.shape, geometry),
  }[pass];
  const seconds = await timed(work, repeats, inner);
  tf.dispose([x, w, dy]);
  return seconds;
}

async function matmulGflops(): Promise<number> {
  const side = 1024;
  const a = tf.randomUniform([side, side]), b = tf.randomUniform([side, side]);
  const seconds = median(await timed(() => tf.matMul(a, b), 3, 1));
  tf.dispose([a, b]);
  return 2 * side ** 3 / seconds / 1e9;
}

/** The first run is not counted: it makes the programs; then an engine that has a choice of them chooses. */
async function timed(work: () => tf.Tensor, repeats: number, inner: number): Promise<number[]> {
  const runs = async (count: number) => {
    for (let run = 1; run < count; run++) work().dispose();
    const last = work();
    await settled(engine, last);
    last.dispose();
  };
  await runs(1);
  await engine.tune?.();
  await runs(1);
  const seconds: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    await runs(inner);
    seconds.push((performance.now() - started) / 1000 / inner);
  }
  return seconds;
}
