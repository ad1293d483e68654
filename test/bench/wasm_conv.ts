/**
 * Speed of the wasm engine's convolutions next to a 1024³ matrix product of the same backend in the same process.
 * `benchConvWasm()` returns rows; run as a program it prints them.
 */
import { wasmEngine } from "../../lib/engine/wasm/mod.ts";
import type { Conv3dGeometry, Engine, Triple } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";

type Operation = "matmul" | "forward" | "inputGradient" | "filterGradient";

export interface ConvBenchRow {
  /** e.g. "64→64 3×3×3 on 16×32×32". */
  readonly shape: string;
  readonly operation: Operation;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Share of the matrix product's GFLOP/s. */
  readonly ratio: number;
}

interface Shape {
  readonly size: Triple;
  readonly kernel: Triple;
  readonly inputs: number;
  readonly outputs: number;
  readonly geometry: Conv3dGeometry;
  readonly operations: readonly Exclude<Operation, "matmul">[];
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

/** Median over repetitions, after one that is not counted (the runtime optimises the kernels during it). */
function medianMilliseconds(run: () => tf.Tensor, repetitions: number): number {
  const times: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const started = performance.now();
    run().dispose();
    if (repetition > 0) times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

const random = (shape: readonly number[], seed: number) => tf.randomNormal([...shape], 0, 1, "float32", seed);

function benchShape({ ops }: Engine, shape: Shape, repetitions: number): Omit<ConvBenchRow, "ratio">[] {
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
  const rows = shape.operations.map((operation) => {
    const milliseconds = medianMilliseconds(run[operation], flops < 1e8 ? 10 * repetitions : repetitions);
    const label = `${inputs}→${outputs} ${kernel.join("×")} on ${size.join("×")}${strided}`;
    return { shape: label, operation, milliseconds, gflops: flops / milliseconds / 1e6 };
  });
  for (const tensor of [x, w, dy]) tensor.dispose();
  return rows;
}

export async function benchConvWasm({ repetitions = 7 }: { repetitions?: number } = {}): Promise<ConvBenchRow[]> {
  const engine = await wasmEngine.start();
  const a = random([1024, 1024], 3), b = random([1024, 1024], 4);
  const product = medianMilliseconds(() => tf.matMul(a, b), repetitions), peak = 2 * 1024 ** 3 / product / 1e6;
  for (const tensor of [a, b]) tensor.dispose();
  const rows: ConvBenchRow[] = [
    { shape: "1024×1024×1024", operation: "matmul", milliseconds: product, gflops: peak, ratio: 1 },
  ];
  for (const shape of shapes) {
    for (const row of benchShape(engine, shape, repetitions)) rows.push({ ...row, ratio: row.gflops / peak });
  }
  await engine.stop();
  return rows;
}

if (import.meta.main) {
  for (const { shape, operation, milliseconds, gflops, ratio } of await benchConvWasm()) {
    console.log(
      `${shape.padEnd(34)} ${operation.padEnd(15)} ${milliseconds.toFixed(2).padStart(9)} ms ` +
        `${gflops.toFixed(1).padStart(6)} GFLOP/s  ${(100 * ratio).toFixed(0).padStart(4)} %`,
    );
  }
}
