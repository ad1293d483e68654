/**
 * Speed of the wasm engine's convolutions next to a 1024³ matrix product of the same backend in the same process.
 * `benchConvWasm()` returns rows; run as a program it prints them.
 */
import { wasmEngine } from "../../lib/engine/wasm/mod.ts";
import type { Conv3dGeometry, Engine, Triple } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";

type Operation = "forward" | "inputGradient" | "filterGradient";

export interface ConvBenchRow {
  /** e.g. "64→64 3×3×3 on 16×32×32". */
  readonly shape: string;
  readonly operation: Operation;
  readonly milliseconds: number;
  readonly gflops: number;
  /** The 1024³ matrix product, measured in turns with this row. */
  readonly productGflops: number;
  /** gflops / productGflops. */
  readonly ratio: number;
}

interface Shape {
  readonly size: Triple;
  readonly kernel: Triple;
  readonly inputs: number;
  readonly outputs: number;
  readonly geometry: Conv3dGeometry;
  readonly operations: readonly Operation[];
}

const all = ["forward", "inputGradient", "filterGradient"] as const;
const cube = (size: Triple, inputs: number, outputs: number, stride: 1 | 2 = 1): Shape => ({
  size,
  kernel: [3, 3, 3],
  inputs,
  outputs,
  geometry: { stride: [stride, stride, stride], padding: [1, 1, 1] },
  operations: all,
});
const stem = (size: Triple, outputs: number): Shape => ({
  size,
  kernel: [3, 7, 7],
  inputs: 1,
  outputs,
  geometry: { stride: [1, 2, 2], padding: [1, 3, 3] },
  operations: ["forward", "filterGradient"],
});

/** The two shapes that the speed target names come first; then those of the `tiny` network. */
const shapes: readonly Shape[] = [
  cube([16, 32, 32], 64, 64),
  stem([32, 64, 64], 64),
  stem([32, 64, 64], 8),
  cube([32, 32, 32], 8, 8),
  cube([32, 32, 32], 8, 16, 2),
  cube([16, 16, 16], 16, 16),
  cube([8, 8, 8], 32, 32),
  cube([4, 4, 4], 64, 64),
];

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

function milliseconds(run: () => tf.Tensor, calls: number): number {
  const started = performance.now();
  for (let call = 0; call < calls; call++) run().dispose();
  return (performance.now() - started) / calls;
}

/**
 * Medians of an operation and of the matrix product, measured in turns so that other work on the machine slows both;
 * the first turn is not counted (the runtime optimises the kernels during it).
 */
function inTurns(operation: () => tf.Tensor, calls: number, product: () => tf.Tensor, turns: number) {
  const times = { operation: [] as number[], product: [] as number[] };
  for (let turn = 0; turn <= turns; turn++) {
    const ofProduct = milliseconds(product, 1), ofOperation = milliseconds(operation, calls);
    if (turn === 0) continue;
    times.product.push(ofProduct);
    times.operation.push(ofOperation);
  }
  return { operation: median(times.operation), product: median(times.product) };
}

const productFlops = 2 * 1024 ** 3;

const random = (shape: readonly number[], seed: number) => tf.randomNormal([...shape], 0, 1, "float32", seed);

function benchShape({ ops }: Engine, shape: Shape, product: () => tf.Tensor, turns: number): ConvBenchRow[] {
  const { size, kernel, inputs, outputs, geometry } = shape;
  const x = random([1, ...size, inputs], 1) as tf.Tensor5D, w = random([...kernel, inputs, outputs], 2) as tf.Tensor5D;
  const dy = ops.conv3d(x, w, geometry);
  const run = {
    forward: () => ops.conv3d(x, w, geometry),
    inputGradient: () => ops.conv3dInputGrad(dy, w, x.shape, geometry),
    filterGradient: () => ops.conv3dFilterGrad(x, dy, w.shape, geometry),
  };
  const flops = 2 * dy.size * inputs * kernel[0] * kernel[1] * kernel[2];
  const strided = geometry.stride[0] > 1 ? " stride 2" : "";
  const label = `${inputs}→${outputs} ${kernel.join("×")} on ${size.join("×")}${strided}`;
  const rows = shape.operations.map((operation): ConvBenchRow => {
    const times = inTurns(run[operation], Math.max(1, Math.round(productFlops / 4 / flops)), product, turns);
    const gflops = flops / times.operation / 1e6, productGflops = productFlops / times.product / 1e6;
    return {
      shape: label,
      operation,
      milliseconds: times.operation,
      gflops,
      productGflops,
      ratio: gflops / productGflops,
    };
  });
  tf.dispose([x, w, dy]);
  return rows;
}

/** Each shape and operation next to the 1024³ matrix product; takes about a quarter of a minute. */
export async function benchConvWasm({ turns = 5 }: { turns?: number } = {}): Promise<ConvBenchRow[]> {
  const engine = await wasmEngine.start();
  const a = random([1024, 1024], 3), b = random([1024, 1024], 4);
  const rows = shapes.flatMap((shape) => benchShape(engine, shape, () => tf.matMul(a, b), turns));
  tf.dispose([a, b]);
  await engine.stop();
  return rows;
}

if (import.meta.main) {
  for (const { shape, operation, milliseconds, gflops, productGflops, ratio } of await benchConvWasm()) {
    console.log(
      `${shape.padEnd(34)} ${operation.padEnd(15)} ${milliseconds.toFixed(2).padStart(9)} ms ` +
        `${gflops.toFixed(1).padStart(6)} GFLOP/s, matrix product ${productGflops.toFixed(1).padStart(6)}: ` +
        `${(100 * ratio).toFixed(0).padStart(4)} %`,
    );
  }
}
