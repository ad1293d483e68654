/**
 * The parts of a run that have a schedule of their own: one, or two when it fine-tunes.
 *
 * Fine-tuning is fastai's `fine_tune` as the original program's --fine-tune calls it: first `freezeEpochs` epochs with
 * the body's convolutions frozen (its batch norm is trained, as `train_bn=True` there), one-cycle with its top at 99 %;
 * then `epochs` epochs of the whole network at half the rate, one-cycle that starts at a fifth of its top and reaches it
 * at 30 %. Moments begin at zero in each part. The original has one group of parameters and hence one rate for all;
 * fastai's lower rates for early layers (`lr_mult`) need several groups and are not here. Not reproduced: fastai loads
 * the first part's best weights before the second begins; here the second goes on from the first's last step.
 */
import { isHead } from "../weights/names.ts";
import type { TrainConfig } from "./config.ts";
import { oneCycle, type OneCycleOptions, type SchedulePoint } from "./schedule.ts";

export interface TrainingPhase {
  /** Counted from 0 over the whole run. */
  readonly firstEpoch: number;
  readonly epochs: number;
  /** Whether the body's convolutions keep their values. */
  readonly bodyFrozen: boolean;
  readonly schedule: OneCycleOptions;
}

type PhaseConfig = Pick<TrainConfig, "epochs" | "fineTune" | "optimizer">;

export function trainingPhases({ epochs, fineTune, optimizer: { learningRate } }: PhaseConfig): TrainingPhase[] {
  if (fineTune === undefined) {
    return [{ firstEpoch: 0, epochs, bodyFrozen: false, schedule: { lrMax: learningRate } }];
  }
  const { freezeEpochs } = fineTune;
  return [
    { firstEpoch: 0, epochs: freezeEpochs, bodyFrozen: true, schedule: { lrMax: learningRate, rise: 0.99 } },
    { firstEpoch: freezeEpochs, epochs, bodyFrozen: false, schedule: { lrMax: learningRate / 2, div: 5, rise: 0.3 } },
  ];
}

/** Epochs of all phases. */
export function totalEpochs(config: PhaseConfig): number {
  return trainingPhases(config).reduce((sum, { epochs }) => sum + epochs, 0);
}

/** The phase of an epoch; the last one from its first epoch on. */
export function phaseAt(config: PhaseConfig, epoch: number): TrainingPhase {
  return trainingPhases(config).findLast(({ firstEpoch }) => firstEpoch <= epoch)!;
}

interface Position {
  readonly epoch: number;
  readonly stepInEpoch: number;
}

/** Number of a step within its phase (from 0), which AdamW corrects its moments by. */
export function stepInPhase(config: PhaseConfig, { epoch, stepInEpoch }: Position, stepsPerEpoch: number): number {
  return (epoch - phaseAt(config, epoch).firstEpoch) * stepsPerEpoch + stepInEpoch;
}

/** Rate and momentum of a step. */
export function scheduledStep(config: PhaseConfig, position: Position, stepsPerEpoch: number): SchedulePoint {
  const { epochs, schedule } = phaseAt(config, position.epoch);
  return oneCycle(stepInPhase(config, position, stepsPerEpoch), epochs * stepsPerEpoch, schedule);
}

/** Convolutions of the body while it is frozen: what is trained is the head and every batch norm. */
export function isFrozen({ bodyFrozen }: TrainingPhase, { name, decay }: { name: string; decay: boolean }): boolean {
  return bodyFrozen && decay && !isHead(name);
}
