/**
 * One optimizer step: batch → forward → loss → backward, gradients averaged over `accumulate` batches, AdamW with the
 * rate and momentum that the caller gives. What the training loop and the learning-rate sweep have in common.
 */
import type { Batch, Batches } from "../data/loader.ts";
import * as tf from "../tf.ts";
import { GradientMean } from "./gradients.ts";
import { type Cov3dLoss, toRows } from "./losses.ts";
import type { StepMetrics } from "./metrics.ts";
import { mixedLoss } from "./mixup.ts";
import { isFrozen, phaseAt, stepInPhase } from "./phases.ts";
import { type SchedulePoint, smoothLoss } from "./schedule.ts";
import { notFinite, type Session } from "./session.ts";

/** One step with the given rate and momentum: `accumulate` batches, one update of every weight. */
export async function optimizerStep(
  session: Session,
  batches: Batches,
  point: SchedulePoint,
): Promise<StepMetrics> {
  const { config, config: { accumulate }, state, optimizer, stepsPerEpoch } = session;
  const update = { ...point, step: stepInPhase(config, state, stepsPerEpoch) };
  const phase = phaseAt(config, state.epoch);
  for (const parameter of session.network.parameters) parameter.frozen = isFrozen(phase, parameter);
  const gradients = new GradientMean(accumulate, (parameter, gradient) => optimizer.apply(parameter, gradient, update));
  const losses: Cov3dLoss[] = [];
  try {
    for (let micro = 0; micro < accumulate; micro++) {
      const { value: batch } = await batches.next();
      if (!batch) throw new Error(`the loader ended before step ${state.step}`);
      losses.push(await forwardAndBackward(session, batch, state.step * accumulate + micro, gradients));
    }
  } finally {
    gradients.dispose();
  }
  return advance(session, losses, point);
}

/** @throws RunError before any weight is touched when the loss is not finite */
async function forwardAndBackward(
  { config, network, labels, loss, state, itemWeights }: Session,
  { voxels, shape, items }: Batch,
  microStep: number,
  gradients: GradientMean,
): Promise<Cov3dLoss> {
  const dropoutSeed = [config.seed, microStep] as const;
  const pass = network.forward(tf.tensor5d(voxels, shape), {
    training: true,
    dropoutSeed,
    memory: config.memory,
  });
  const logits = toRows(await pass.logits.data(), config.model.outputs);
  pass.logits.dispose();
  const result = mixedLoss({
    ...loss,
    logits,
    labels: items.map(({ scan }) => labels[scan]!),
    ...(itemWeights === undefined ? {} : { itemWeights: items.map(({ scan }) => itemWeights[scan]!) }),
  }, items.map(({ mix }) => mix));
  if (!Number.isFinite(result.loss)) {
    pass.release();
    throw notFinite("the loss", state.step);
  }
  pass.backward(tf.tensor2d(result.dLogits), (parameter, gradient) => gradients.add(parameter, gradient));
  return result;
}

/** Moves the state past a finished step. */
function advance({ state }: Session, losses: readonly Cov3dLoss[], { lr, momentum }: SchedulePoint): StepMetrics {
  const mean = (part: (loss: Cov3dLoss) => number) => losses.reduce((sum, loss) => sum + part(loss), 0) / losses.length;
  const loss = mean((one) => one.loss);
  const has = (part: "presenceLoss" | "severityLoss") => losses[0]?.[part] !== undefined;
  const presenceLoss = has("presenceLoss") ? mean((one) => one.presenceLoss!) : null;
  const severityLoss = has("severityLoss") ? mean((one) => one.severityLoss!) : null;
  state.step++;
  state.stepInEpoch++;
  state.sums.loss += loss;
  state.sums.presenceLoss += presenceLoss ?? 0;
  state.sums.severityLoss += severityLoss ?? 0;
  return {
    kind: "step",
    epoch: state.epoch,
    step: state.step,
    loss,
    smoothLoss: smoothLoss(state.smooth, loss),
    presenceLoss,
    severityLoss,
    learningRate: lr,
    momentum,
  };
}
