/** What a training step will need, before it is tried. */
import type { VolumeSize } from "../data/types.ts";
import type { EngineMemory, Triple } from "../engine/types.ts";
import { EngineError } from "../errors.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { convNorms, convolvedSize, linears, planNetwork } from "../nn/plan.ts";
import type { ConvNormPlan } from "../nn/convolutions.ts";

export interface MemoryEstimate {
  /** Activations kept for the backward pass. */
  readonly activationBytes: number;
  /** Gradients and work space at the largest layer. */
  readonly workBytes: number;
  /** Weights, their gradients and two moments each. */
  readonly parameterBytes: number;
  readonly totalBytes: number;
}

export interface MemoryQuestion {
  readonly network: NetworkConfig;
  readonly size: VolumeSize;
  readonly batchSize: number;
}

/** Tensors of a layer's output size alive at once at the worst point: dy, dx, the unfolded input of a convolution. */
const workTensors = 3;

/**
 * Each convolution keeps its output (the input of batch norm) and what follows it (the input of the next layer); dropout
 * keeps one more at the end of a stage. An estimate for planning, within about a third of what is measured.
 */
export function estimateTrainingMemory({ network, size, batchSize }: MemoryQuestion): MemoryEstimate {
  const plan = planNetwork(network);
  const layers = activationSizes(network, size);
  const bytes = layers.map((values) => values * batchSize * 4);
  const largest = Math.max(...bytes);
  const stages = plan.stages.map((_, index) => layers[lastLayerOfStage(network, index)]! * batchSize * 4);
  const input = size.depth * size.height * size.width * batchSize * 4;
  const activationBytes = input + 2 * sum(bytes) + (network.dropout > 0 ? sum(stages) : 0);
  const workBytes = workTensors * largest;
  const parameterBytes = 4 * 4 * parameterCount(network);
  return { activationBytes, workBytes, parameterBytes, totalBytes: activationBytes + workBytes + parameterBytes };
}

/** Values in each convolution's output for one scan, in state_dict order. */
function activationSizes(network: NetworkConfig, { depth, height, width }: VolumeSize): number[] {
  const plan = planNetwork(network);
  const values: number[] = [];
  const through = (start: Triple, chain: readonly ConvNormPlan[]): Triple => {
    let size = start;
    for (const layer of chain) {
      size = convolvedSize(size, layer);
      values.push(size[0] * size[1] * size[2] * layer.outputs);
    }
    return size;
  };
  let size = through([depth, height, width], plan.stem);
  for (const { blocks } of plan.stages) {
    for (const { conv1, conv2, shortcut } of blocks) {
      const before = size;
      size = through(through(before, conv1), conv2);
      if (shortcut !== undefined) through(before, [shortcut]);
    }
  }
  return values;
}

/** Index, among all convolutions, of the last one of a stage (its output has the stage's size). */
function lastLayerOfStage(network: NetworkConfig, stage: number): number {
  const plan = planNetwork(network);
  let count = plan.stem.length;
  for (const { blocks } of plan.stages.slice(0, stage + 1)) {
    for (const { conv1, conv2, shortcut } of blocks) count += conv1.length + conv2.length + (shortcut ? 1 : 0);
  }
  return count - 1;
}

function parameterCount(network: NetworkConfig): number {
  const plan = planNetwork(network);
  const convolutions = convNorms(plan).map(({ kernel, inputs, outputs }) =>
    kernel[0] * kernel[1] * kernel[2] * inputs * outputs + 2 * outputs
  );
  const linear = linears(plan).map(({ inputs, outputs, bias }) => inputs * outputs + (bias ? outputs : 0));
  return sum(convolutions) + sum(linear);
}

/**
 * Refuses a configuration that cannot fit the engine, naming one that does.
 * @throws EngineError "engine.memory"
 */
export function assertFits(question: MemoryQuestion, memory: EngineMemory, systemBytes: number): MemoryEstimate {
  const estimate = estimateTrainingMemory(question);
  const limit = Math.min(memory.limitBytes ?? Infinity, systemBytes);
  if (estimate.totalBytes <= limit) return estimate;
  const { depth, height, width } = question.size;
  throw new EngineError("engine.memory", "this configuration does not fit into memory", {
    expected: `at most ${formatBytes(limit)}`,
    found: `about ${formatBytes(estimate.totalBytes)} at ${depth}x${height}x${width}, batch ${question.batchSize}`,
    hint: whatFits(question, limit),
  });
}

function whatFits(question: MemoryQuestion, limit: number): string {
  const fits = (change: Partial<MemoryQuestion>) =>
    estimateTrainingMemory({ ...question, ...change }).totalBytes <= limit;
  for (let batchSize = question.batchSize - 1; batchSize >= 1; batchSize--) {
    if (fits({ batchSize })) return `--batch-size ${batchSize} fits (with --accumulate for the same effective batch)`;
  }
  for (let percent = 95; percent > 5; percent -= 5) {
    const size = scaled(question.size, percent / 100);
    if (fits({ size, batchSize: 1 })) {
      return `--size ${size.depth}x${size.height}x${size.width} --batch-size 1 fits`;
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
