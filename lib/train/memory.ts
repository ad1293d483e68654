/** What a training step will need, before it is tried. */
import type { VolumeSize } from "../data/types.ts";
import type { EngineMemory } from "../engine/types.ts";
import { EngineError } from "../errors.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { convolutionCosts, countParameters, stageShapes } from "../nn/cost.ts";
import { planNetwork } from "../nn/plan.ts";
import { elementCount } from "../nn/shape.ts";

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
  const bytes = convolutionCosts(plan, size).map(({ elements }) => elements * batchSize * 4);
  const largest = Math.max(...bytes);
  const shapes = stageShapes(plan, size);
  const stages = plan.stages.map(({ name }) => elementCount(shapes.get(name)!) * batchSize * 4);
  const input = size.depth * size.height * size.width * batchSize * 4;
  const activationBytes = input + 2 * sum(bytes) + (network.dropout > 0 ? sum(stages) : 0);
  const workBytes = workTensors * largest;
  const parameterBytes = 4 * 4 * countParameters(plan).total;
  return { activationBytes, workBytes, parameterBytes, totalBytes: activationBytes + workBytes + parameterBytes };
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
