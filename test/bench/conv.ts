/**
 * `bench conv`: the 3-D convolution forward and both gradients, in GFLOP/s, the kit and PyTorch in turns on the same
 * cores. On `wasm` the yardstick is also a 1024³ matrix product of the same process.
 */
import { join } from "node:path";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import type { EngineName, Triple } from "../../lib/engine/types.ts";
import { kitCommand } from "./kit.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand, takeTurns } from "./side.ts";
import { memoryFormats } from "./step.ts";
import { summarise, type Summary } from "./statistics.ts";

export const convPasses = ["forward", "inputGrad", "filterGrad"] as const;
export type ConvPass = (typeof convPasses)[number];

/** Layouts of the kit: input [N, D, H, W, C], kernel [kD, kH, kW, in, out]. */
export interface ConvShape {
  readonly name: string;
  readonly input: readonly [number, number, number, number, number];
  readonly kernel: readonly [number, number, number, number, number];
  readonly stride: Triple;
  readonly padding: Triple;
}

/** The stem needs no gradient of its input: the volume is data. */
export const convShapes: readonly (ConvShape & { readonly passes: readonly ConvPass[] })[] = [
  layer1("64-64 at 16x32x32", [16, 32, 32]),
  layer1("64-64 at 32x64x64", [32, 64, 64]),
  stem("stem at 32x64x64", [32, 64, 64]),
  stem("stem at 64x128x128", [64, 128, 128]),
];

/** Both layers at one size of their input. */
export function convShapesAt(size: VolumeSize): typeof convShapes {
  const sides: Triple = [size.depth, size.height, size.width];
  return [layer1(`64-64 at ${formatSize(size)}`, sides), stem(`stem at ${formatSize(size)}`, sides)];
}

function stem(name: string, [d, h, w]: Triple) {
  return {
    name,
    input: [1, d, h, w, 1] as const,
    kernel: [3, 7, 7, 1, 64] as const,
    stride: [1, 2, 2] as const,
    padding: [1, 3, 3] as const,
    passes: ["forward", "filterGrad"] as const,
  };
}

function layer1(name: string, [d, h, w]: Triple) {
  return {
    name,
    input: [1, d, h, w, 64] as const,
    kernel: [3, 3, 3, 64, 64] as const,
    stride: [1, 1, 1] as const,
    padding: [1, 1, 1] as const,
    passes: convPasses,
  };
}

export function outputShape({ input, kernel, stride, padding }: ConvShape): [number, number, number, number, number] {
  const side = (axis: 0 | 1 | 2) =>
    Math.floor((input[axis + 1]! + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  return [input[0], side(0), side(1), side(2), kernel[4]];
}

/** Multiplications and additions, each counted as one: the same for all three passes. */
export function flops(shape: ConvShape): number {
  const outputs = outputShape(shape).reduce((product, size) => product * size, 1);
  return 2 * outputs * shape.kernel[0] * shape.kernel[1] * shape.kernel[2] * shape.kernel[3];
}

export interface ConvOptions {
  readonly engine: EngineName;
  readonly rounds: number;
  /** Runs of each operation in a turn. */
  readonly repeats: number;
  readonly peer: boolean;
  /** These instead of PyTorch on the CPU. */
  readonly alongside?: readonly SideCommand[];
  /** These instead of `convShapes`. */
  readonly shapes?: typeof convShapes;
  /** Voxels of the layers' input (default: those of `convShapes`). */
  readonly size?: VolumeSize;
}

export interface ConvRequest {
  readonly shape: ConvShape;
  readonly pass: ConvPass;
  readonly repeats: number;
  /** Runs between two looks at the clock, for a card that is done in less time than a look takes. */
  readonly inner?: number;
}

export interface ConvReady {
  readonly version: string;
  readonly threads: number;
  /** e.g. "CPU:0", "GPU:0 NVIDIA H100". */
  readonly device?: string;
  /** Of a loop of fused multiplications and additions on the same card, where the engine is WebGPU. */
  readonly fmaGflops?: number;
}

export interface ConvAnswer {
  readonly seconds: readonly number[];
  /** GFLOP/s of a 1024³ matrix product just before, where the engine gives that yardstick. */
  readonly matmulGflops?: number;
  readonly peakBytes?: number;
}

export interface ConvMeasurement {
  readonly side: string;
  readonly seconds: Summary;
  readonly gflops: Summary;
}

export interface ConvCase {
  readonly shape: string;
  readonly pass: ConvPass;
  readonly gflop: number;
  readonly kit: ConvMeasurement;
  readonly peers: readonly ConvMeasurement[];
  /** Kit over the faster of PyTorch's memory formats, of median seconds. */
  readonly ratio?: number;
  /** 1024³ matrix product on the same engine and process, median. */
  readonly matmulGflops?: number;
  /** Share of that matrix product's GFLOP/s that the convolution reaches. */
  readonly matmulShare?: number;
  /** Measured fp32 peak of the card (`fma_peak.ts`), and the share of it that the convolution reaches. */
  readonly fmaGflops?: number;
  readonly fmaShare?: number;
}

export interface ConvResult extends Provenance {
  readonly engine: EngineName;
  readonly cases: readonly ConvCase[];
}

type ConvProcess = Side<ConvReady, ConvRequest, ConvAnswer>;

export async function benchConv(options: ConvOptions): Promise<ConvResult> {
  const threads = { threads: navigator.hardwareConcurrency };
  const commands = [kitCommand("conv", options.engine, threads)];
  if (options.alongside !== undefined) commands.push(...options.alongside);
  else if (options.peer) commands.push(...await peerCommands(threads));
  await using stack = new AsyncDisposableStack();
  const sides: ConvProcess[] = [];
  for (const command of commands) {
    sides.push(stack.use(await Side.start<ConvReady, ConvRequest, ConvAnswer>(command)));
  }
  const cases: ConvCase[] = [];
  const shapes = options.shapes ?? (options.size === undefined ? convShapes : convShapesAt(options.size));
  for (const { passes, ...shape } of shapes) {
    for (const pass of passes) cases.push(await measureCase(sides, shape, pass, options));
  }
  const [kit, peer] = sides;
  const versions = { engine: kit!.ready.version, ...(peer === undefined ? {} : { pytorch: peer.ready.version }) };
  return { ...provenance("conv", versions), engine: options.engine, cases };
}

async function peerCommands(threads: { threads: number }): Promise<SideCommand[]> {
  const executable = await peerPython();
  return memoryFormats.map((format) => ({
    name: `pytorch ${format}`,
    executable,
    args: [join(peerFolder, "peer_conv.py"), JSON.stringify({ ...threads, format })],
  }));
}

async function measureCase(
  sides: readonly ConvProcess[],
  shape: ConvShape,
  pass: ConvPass,
  { rounds, repeats }: ConvOptions,
): Promise<ConvCase> {
  const inner = await innerRuns(sides, shape, pass);
  const answers = await takeTurns(sides, sides.map(() => ({ shape, pass, repeats, inner })), rounds);
  const gflop = flops(shape) / 1e9;
  const [kit, ...peers] = sides.map((side, i): ConvMeasurement => {
    const seconds = answers[i]!.flatMap((answer) => answer.seconds);
    return { side: side.name, seconds: summarise(seconds), gflops: summarise(seconds.map((s) => gflop / s)) };
  }) as [ConvMeasurement, ...ConvMeasurement[]];
  const matmuls = answers[0]!.flatMap((answer) => answer.matmulGflops ?? []);
  const matmul = matmuls.length === 0 ? undefined : summarise(matmuls).median;
  const { fmaGflops } = sides[0]!.ready;
  const fastest = Math.min(...peers.map((peer) => peer.seconds.median));
  const result: ConvCase = {
    shape: shape.name,
    pass,
    gflop,
    kit,
    peers,
    ...(peers.length === 0 ? {} : { ratio: kit.seconds.median / fastest }),
    ...(matmul === undefined ? {} : { matmulGflops: matmul, matmulShare: kit.gflops.median / matmul }),
    ...(fmaGflops === undefined ? {} : { fmaGflops, fmaShare: kit.gflops.median / fmaGflops }),
  };
  console.error(describeCase(result));
  return result;
}

/** On cards, so many that they fill a hundredth of a second on the fastest side; one elsewhere. */
async function innerRuns(sides: readonly ConvProcess[], shape: ConvShape, pass: ConvPass): Promise<number> {
  if (sides.every(({ ready }) => !ready.device?.startsWith("GPU"))) return 1;
  const answers = await takeTurns(sides, sides.map(() => ({ shape, pass, repeats: 1 })), 1);
  const fastest = Math.min(...answers.map((turns) => Math.min(...turns[0]!.seconds)));
  return Math.max(1, Math.min(50, Math.ceil(0.01 / fastest)));
}

/** One line for people. */
export function describeCase(
  { shape, pass, kit, peers, ratio, matmulGflops, matmulShare, fmaGflops, fmaShare }: ConvCase,
): string {
  const speeds = [kit, ...peers].map(({ side, gflops }) => `${side} ${gflops.median.toFixed(1)}`).join(", ");
  const extra = [
    ratio === undefined ? [] : `time ratio ${ratio.toFixed(2)}`,
    matmulShare === undefined ? [] : `${(100 * matmulShare).toFixed(0)} % of matmul's ${matmulGflops!.toFixed(1)}`,
    fmaShare === undefined ? [] : `${(100 * fmaShare).toFixed(0)} % of the measured fp32 peak ${fmaGflops!.toFixed(0)}`,
  ].flat();
  return `${shape.padEnd(20)} ${pass.padEnd(10)} GFLOP/s: ${speeds}${
    extra.length === 0 ? "" : `; ${extra.join("; ")}`
  }`;
}

/** One CSV row per side, shape and pass. */
export function convRows(result: ConvResult): Row[] {
  return result.cases.flatMap((one) =>
    [one.kit, ...one.peers].map((side) => ({
      engine: result.engine,
      shape: one.shape,
      pass: one.pass,
      side: side.side,
      gflop: one.gflop.toFixed(4),
      milliseconds_min: (1000 * side.seconds.min).toFixed(2),
      milliseconds_median: (1000 * side.seconds.median).toFixed(2),
      milliseconds_max: (1000 * side.seconds.max).toFixed(2),
      gflops_median: side.gflops.median.toFixed(2),
      ratio: side === one.kit ? one.ratio?.toFixed(4) : undefined,
      matmul_1024_gflops: side === one.kit ? one.matmulGflops?.toFixed(2) : undefined,
      matmul_share: side === one.kit ? one.matmulShare?.toFixed(4) : undefined,
      fma_gflops: side === one.kit ? one.fmaGflops?.toFixed(0) : undefined,
      fma_share: side === one.kit ? one.fmaShare?.toFixed(4) : undefined,
    }))
  );
}
