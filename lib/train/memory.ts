/** What a training step will need, before it is tried. */
import type { VolumeSize } from "../data/types.ts";
import type { EngineDescription, EngineMemory, EngineName } from "../engine/types.ts";
import { EngineError } from "../errors.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { type ConvolutionCost, convolutionCosts, countParameters, stageShapes } from "../nn/cost.ts";
import { type NetworkPlan, planNetwork } from "../nn/plan.ts";
import type { MemoryMode } from "../nn/recompute.ts";
import { elementCount } from "../nn/shape.ts";

export interface MemoryEstimate {
  /** Activations kept for the backward pass, at its worst point. */
  readonly activationBytes: number;
  /** Gradients and work space at the largest layer. */
  readonly workBytes: number;
  /** Weights, their gradients and two moments each. */
  readonly parameterBytes: number;
  /** The program and the engine's library without any tensor; 0 when no engine was named. */
  readonly programBytes: number;
  readonly totalBytes: number;
  /** The largest single tensor: a volume's activation. */
  readonly largestTensorBytes: number;
}

export interface MemoryQuestion {
  readonly network: NetworkConfig;
  readonly size: VolumeSize;
  readonly batchSize: number;
  /** "fast" when left out. */
  readonly memory?: MemoryMode;
  /** Left out, the tensors alone are counted: they are the same on every engine. */
  readonly engine?: EngineName;
}

/** Tensors of a layer's output size alive at once at the worst point: dy, dx, the unfolded input of a convolution. */
const workTensors = 3;

/**
 * What a process has resident beside its tensors, measured on the CPU (`deno task bench memory` prints estimate and
 * measurement side by side).
 */
const programBytes: Readonly<Record<EngineName, number>> = {
  tensorflow: 550 * 2 ** 20,
  webgpu: 300 * 2 ** 20,
  wasm: 64 * 2 ** 20,
};

/**
 * Each convolution keeps its output (the input of batch norm) and what follows it (the input of the next layer); dropout
 * keeps one more at the end of a stage. In lean mode a block keeps its input, and the rest while its own gradient is
 * made. An estimate for planning, within about a fifth of what is measured.
 */
export function estimateTrainingMemory(question: MemoryQuestion): MemoryEstimate {
  const { network, size, batchSize, memory = "fast", engine } = question;
  const plan = planNetwork(network);
  const blocks = blockBytes(plan, size, batchSize);
  const input = size.depth * size.height * size.width * batchSize * 4;
  const activationBytes = input + (memory === "lean" ? leanBytes(blocks) : sum(blocks.map(({ inner }) => inner)));
  const largest = Math.max(...convolutionCosts(plan, size).map(({ elements }) => elements * batchSize * 4));
  const workBytes = workTensors * largest;
  const parameterBytes = 4 * 4 * countParameters(plan).total;
  const program = engine === undefined ? 0 : programBytes[engine];
  const totalBytes = activationBytes + workBytes + parameterBytes + program;
  const largestTensorBytes = Math.max(input, largest);
  return { activationBytes, workBytes, parameterBytes, programBytes: program, totalBytes, largestTensorBytes };
}

/** The stem, or a residual block with the dropout that may follow it. */
interface BlockBytes {
  /** Everything that its gradient needs. */
  readonly inner: number;
  /** Its result: the input of the next one. */
  readonly output: number;
}

function blockBytes(plan: NetworkPlan, size: VolumeSize, batchSize: number): BlockBytes[] {
  const costs = new Map(convolutionCosts(plan, size).map((cost) => [cost.plan, cost]));
  const bytesOf = (chain: readonly ConvolutionCost["plan"][]) =>
    chain.map((convolution) => costs.get(convolution)!.elements * batchSize * 4);
  const shapes = stageShapes(plan, size);
  const blocks = plan.stages.flatMap(({ name, blocks }) =>
    blocks.map(({ conv1, conv2, shortcut }, index) => {
      const output = elementCount(shapes.get(name)!) * batchSize * 4;
      const dropped = plan.config.dropout > 0 && index === blocks.length - 1 ? output : 0;
      return { inner: 2 * sum(bytesOf([...conv1, ...conv2, ...(shortcut ? [shortcut] : [])])) + dropped, output };
    })
  );
  const stem = bytesOf(plan.stem);
  return [{ inner: 2 * sum(stem), output: stem.at(-1)! }, ...blocks];
}

/** At the worst block: the inputs of all blocks up to it, and what its own gradient needs. */
function leanBytes(blocks: readonly BlockBytes[]): number {
  let inputs = 0, worst = 0;
  for (const { inner, output } of blocks) {
    worst = Math.max(worst, inputs + inner);
    inputs += output;
  }
  return worst;
}

export interface MemoryLimits {
  /** Most that the engine can address for tensors, where it has a limit of its own. */
  readonly engineBytes?: number | undefined;
  /** Most that its device allows for one tensor, where it says so. */
  readonly tensorBytes?: number | undefined;
  /** Most that this process may have. */
  readonly systemBytes: number;
}

/**
 * On a card the process's memory is not what counts, and how much the card has is only known when it is full; what it
 * allows for one tensor is known.
 */
export function memoryLimits(
  { device }: Pick<EngineDescription, "device">,
  { limitBytes, tensorLimitBytes }: Pick<EngineMemory, "limitBytes" | "tensorLimitBytes">,
  systemBytes: number,
): MemoryLimits {
  return {
    engineBytes: limitBytes,
    tensorBytes: tensorLimitBytes,
    systemBytes: device.kind === "gpu" ? Infinity : systemBytes,
  };
}

/**
 * Refuses a configuration that cannot fit, naming one that does.
 * @throws EngineError "engine.memory"
 */
export function assertFits(question: MemoryQuestion, limits: MemoryLimits): MemoryEstimate {
  const estimate = estimateTrainingMemory(question);
  const problem = misfit(estimate, limits);
  if (problem === undefined) return estimate;
  const { size: { depth, height, width }, batchSize, memory = "fast" } = question;
  throw new EngineError("engine.memory", "this configuration does not fit into memory", {
    expected: `at most ${formatBytes(problem.limit)}${problem.where}`,
    found: `about ${
      formatBytes(problem.needed)
    } at ${depth}x${height}x${width}, batch ${batchSize}, --memory ${memory}`,
    hint: whatFits(question, limits),
  });
}

/** Bytes that a step leaves free on this machine, less a fifth of the step: the estimate may be so far off. */
export function spareBytes(question: MemoryQuestion, { systemBytes }: MemoryLimits): number {
  return Math.max(0, systemBytes - 1.2 * estimateTrainingMemory(question).totalBytes);
}

interface Misfit {
  readonly needed: number;
  readonly limit: number;
  readonly where: "" | " in one tensor";
}

/** The limit that is passed, if any: the engine's holds for tensors, the system's for the whole process. */
function misfit(
  { totalBytes, programBytes, largestTensorBytes }: MemoryEstimate,
  { engineBytes = Infinity, tensorBytes = Infinity, systemBytes }: MemoryLimits,
): Misfit | undefined {
  const tensors = totalBytes - programBytes;
  if (tensors > engineBytes) return { needed: tensors, limit: engineBytes, where: "" };
  if (totalBytes > systemBytes) return { needed: totalBytes, limit: systemBytes, where: "" };
  const needed = largestTensorBytes;
  return needed > tensorBytes ? { needed, limit: tensorBytes, where: " in one tensor" } : undefined;
}

function whatFits(question: MemoryQuestion, limits: MemoryLimits): string {
  const fits = (change: Partial<MemoryQuestion>) =>
    misfit(estimateTrainingMemory({ ...question, memory: "lean", ...change }), limits) === undefined;
  const lean = question.memory === "lean" ? "" : "--memory lean ";
  const leanWhereNeeded = (change: Partial<MemoryQuestion>) => fits({ ...change, memory: "fast" }) ? "" : lean;
  if (lean !== "" && fits({})) return `${lean}fits: slower by about a quarter, the same results`;
  for (let batchSize = question.batchSize - 1; batchSize >= 1; batchSize--) {
    if (fits({ batchSize })) {
      const flags = `${leanWhereNeeded({ batchSize })}--batch-size ${batchSize}`;
      return `${flags} fits (with --accumulate for the same effective batch)`;
    }
  }
  for (let percent = 95; percent > 5; percent -= 5) {
    const size = scaled(question.size, percent / 100), change = { size, batchSize: 1 };
    if (fits(change)) {
      const flags = `${leanWhereNeeded(change)}--size ${size.depth}x${size.height}x${size.width}`;
      return `${flags} --batch-size 1 fits`;
    }
  }
  return "Choose a smaller model";
}

/** Whole multiples of 8 voxels. */
function scaled({ depth, height, width }: VolumeSize, factor: number): VolumeSize {
  const side = (length: number) => Math.max(8, Math.floor(length * factor / 8) * 8);
  return { depth: side(depth), height: side(height), width: side(width) };
}

/** "350 MiB", "2.7 GiB". */
export function formatBytes(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
