/**
 * The batches of a session in one sequence, from where its state is: the rest of the epoch, its validation, the next
 * epoch and so on. The loader reads ahead along it, so that no epoch and no validation begins with waiting.
 */
import { planEpoch } from "../data/epoch_plan.ts";
import { type Batches, type PlannedBatch, plannedBatches } from "../data/loader.ts";
import { totalEpochs } from "./phases.ts";
import type { Session } from "./session.ts";

export interface BatchOrder {
  /** False: epoch follows epoch without validation, and without end. */
  readonly validation: boolean;
}

/** Close it with `return()`: what is being read ends first. */
export function openBatches(session: Session, order: BatchOrder): Batches {
  return session.loader.batches(batchOrder(session, order));
}

/** Lets the loader read two batches of a fresh run's first epoch, while the network is still being made. */
export function warmUpLoader(session: Pick<Session, "config" | "splits" | "stepsPerEpoch" | "loader">): void {
  const { splits, loader } = session;
  loader.warmUp(plannedBatches(splits.train, trainingPlan(session, 0).slice(0, 2)));
}

function* batchOrder(session: Session, { validation }: BatchOrder): Generator<PlannedBatch, void, void> {
  const { config, config: { accumulate }, state, splits } = session;
  const first = state.epoch, done = state.stepInEpoch * accumulate;
  const last = validation ? totalEpochs(config) : Infinity;
  for (let epoch = first; epoch < last; epoch++) {
    yield* plannedBatches(splits.train, trainingPlan(session, epoch), epoch === first ? done : 0);
    if (validation) yield* plannedBatches(splits.validation, validationPlan(session, epoch));
  }
}

/** The whole batches of an epoch, as many as its optimizer steps take. */
function trainingPlan(
  { config, splits, stepsPerEpoch }: Pick<Session, "config" | "splits" | "stepsPerEpoch">,
  epoch: number,
) {
  const { batchSize, accumulate, seed, reflection, augment: { brightness, contrast, mixup } } = config;
  const training = { seed, epoch, reflection, brightness, contrast, mixup };
  return planEpoch({ scans: splits.train, batchSize, training }).slice(0, stepsPerEpoch * accumulate);
}

/** No augmentation but the random reflection of `augment.reflectValidation`. */
function validationPlan({ config, splits }: Session, epoch: number) {
  const { seed, batchSize, reflection, augment: { reflectValidation } } = config;
  return planEpoch({
    scans: splits.validation,
    batchSize,
    ...(reflectValidation ? { reflectEvaluation: { seed, epoch, reflection } } : {}),
  });
}
