/** What a training run will cost, from its configuration; hours only where the step was measured. */
import type { EngineFactory, EngineName } from "../engine/types.ts";
import { trainingMultiplyAccumulates } from "../nn/cost.ts";
import { planNetwork } from "../nn/plan.ts";
import type { TrainConfig } from "./config.ts";
import { estimateTrainingMemory, type MemoryEstimate } from "./memory.ts";
import { totalEpochs } from "./phases.ts";
import type { StepTime } from "./step_times.ts";

export interface TrainingCost {
  /** Training scans that `steps` is for. */
  readonly trainingScans: number;
  readonly stepsPerEpoch: number;
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Forward and backward, of one optimizer step. */
  readonly multiplyAccumulatesPerStep: number;
  /** Tensors of one step; the same on every engine. */
  readonly memory: MemoryEstimate;
  /** Whether an engine can address that much; what its device has is only known where it runs. */
  readonly engines: readonly EngineFit[];
  /** Empty where no step of this network, size and batch was measured: the time is then not known. */
  readonly hours: readonly MeasuredHours[];
}

export interface EngineFit {
  readonly engine: EngineName;
  /** The engine's own limit; null = as much as its device has. */
  readonly limitBytes: number | null;
  readonly fits: boolean;
}

/** Measured seconds of a step × steps: training alone, without validation and preprocessing. */
export interface MeasuredHours {
  readonly hours: number;
  readonly step: StepTime;
}

export interface TrainingCostOptions {
  readonly config: TrainConfig;
  readonly trainingScans: number;
  readonly engines: readonly Pick<EngineFactory, "name" | "limitBytes">[];
  readonly stepTimes: readonly StepTime[];
}

export function trainingCost({ config, trainingScans, engines, stepTimes }: TrainingCostOptions): TrainingCost {
  const { model: network, data: { size }, batchSize, accumulate, memory: mode } = config;
  const stepsPerEpoch = Math.floor(trainingScans / (batchSize * accumulate));
  const steps = totalEpochs(config) * stepsPerEpoch;
  const memory = estimateTrainingMemory({ network, size, batchSize, memory: mode });
  return {
    trainingScans,
    stepsPerEpoch,
    steps,
    multiplyAccumulatesPerStep: trainingMultiplyAccumulates(planNetwork(network), size) * batchSize * accumulate,
    memory,
    engines: engines.map(({ name, limitBytes }) => ({
      engine: name,
      limitBytes: limitBytes ?? null,
      fits: memory.totalBytes <= (limitBytes ?? Infinity),
    })),
    hours: matching(config, stepTimes).map((step) => ({ hours: steps * step.seconds / 3600, step })),
  };
}

/** The latest time of each engine and device for exactly this step: nothing is scaled from another size or batch. */
function matching(config: TrainConfig, stepTimes: readonly StepTime[]): StepTime[] {
  const { model: { model }, data: { size }, batchSize, accumulate } = config;
  if (accumulate !== 1) return [];
  const latest = new Map<string, StepTime>();
  for (const step of stepTimes) {
    const same = step.model === model && step.batchSize === batchSize && step.size.depth === size.depth &&
      step.size.height === size.height && step.size.width === size.width;
    if (same) latest.set(`${step.engine} ${step.device}`, step);
  }
  return [...latest.values()];
}
