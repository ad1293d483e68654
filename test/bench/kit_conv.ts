/** The kit's side of `bench conv`: one operation on one engine, when it is told to. */
import * as tf from "../../lib/tf.ts";
import { startEngine } from "../../lib/engine/registry.ts";
import type { EngineName, EngineOps } from "../../lib/engine/types.ts";
import { type ConvAnswer, type ConvRequest, outputShape } from "./conv.ts";
import { serveRounds } from "./side.ts";
import { median } from "./statistics.ts";

const { engine: name } = JSON.parse(Deno.args[0] ?? "{}") as { engine: EngineName };
const engine = await startEngine(name);
const { version, threads } = engine.describe();

await serveRounds<ConvRequest, ConvAnswer>({ version, threads }, (request) => ({
  // The yardstick and the convolution share a process and a moment.
  ...(name === "wasm" ? { matmulGflops: matmulGflops() } : {}),
  seconds: timeConvolution(engine.ops, request),
}));

function timeConvolution(ops: EngineOps, { shape, pass, repeats }: ConvRequest): number[] {
  const geometry = { stride: shape.stride, padding: shape.padding };
  const x = tf.randomUniform([...shape.input]) as tf.Tensor5D;
  const w = tf.randomNormal([...shape.kernel]) as tf.Tensor5D;
  const dy = tf.randomUniform(outputShape(shape)) as tf.Tensor5D;
  const work = {
    forward: () => ops.conv3d(x, w, geometry),
    inputGrad: () => ops.conv3dInputGrad(dy, w, x.shape, geometry),
    filterGrad: () => ops.conv3dFilterGrad(x, dy, w.shape, geometry),
  }[pass];
  const seconds = timed(work, repeats);
  tf.dispose([x, w, dy]);
  return seconds;
}

function matmulGflops(): number {
  const side = 1024;
  const a = tf.randomUniform([side, side]), b = tf.randomUniform([side, side]);
  const seconds = median(timed(() => tf.matMul(a, b), 3));
  tf.dispose([a, b]);
  return 2 * side ** 3 / seconds / 1e9;
}

/** Both engines compute on the CPU before a call returns, so the clock around the call is the whole work. */
function timed(work: () => tf.Tensor, repeats: number): number[] {
  work().dispose();
  return Array.from({ length: repeats }, () => {
    const started = performance.now();
    const y = work();
    const seconds = (performance.now() - started) / 1000;
    y.dispose();
    return seconds;
  });
}
