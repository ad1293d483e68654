/**
 * The training loop: optimizer steps on the one-cycle schedule, validation and checkpoints. Every decision (order,
 * augmentation, dropout, best epoch) depends on the configuration and the state alone, never on when or how often a
 * checkpoint was written.
 */
import { join } from "node:path";
import type { Batches } from "../data/loader.ts";
import { EngineError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import * as tf from "../tf.ts";
import { macrotask } from "../worker.ts";
import { openBatches } from "./batches.ts";
import type { CheckpointName } from "./checkpoint.ts";
import { type EpochMetrics, formatScore, trainedTasks } from "./metrics.ts";
import { optimizerStep } from "./optimizer_step.ts";
import { phaseAt, scheduledStep, totalEpochs } from "./phases.ts";
import { readRun, runFiles } from "./run.ts";
import type { SchedulePoint } from "./schedule.ts";
import { openSession, saveCheckpoints, type Session, type SessionOptions } from "./session.ts";
import { type BestScore, improves, noSums } from "./state.ts";
import { validate, validationCsv, type ValidationResult } from "./validation.ts";

export interface TrainResult {
  readonly folder: string;
  /** "stopped": asked to, with a checkpoint; `resume` continues. */
  readonly status: "finished" | "stopped";
  readonly engine: string;
  readonly epochs: number;
  readonly steps: number;
  /** Best validation macro F1 and its epoch (from 0) per task; null for a task that is not trained. */
  readonly best: { readonly presence: BestScore | null; readonly severity: BestScore | null };
  /** Seconds of this session. */
  readonly seconds: number;
}

/** Measurements of this session; nothing that is computed depends on them. */
interface Clock {
  readonly started: number;
  /** Steps done in this session. */
  steps: number;
  lastSave: number;
  epochStarted: number;
  /** Live tensors after the session's first epoch. */
  tensors: number | undefined;
}

/** Trains from the run folder's last checkpoint to the end, or until the signal asks to stop. */
export async function runTraining(options: SessionOptions): Promise<TrainResult> {
  let session: Session;
  try {
    session = await openSession(options);
  } catch (error) {
    if (!options.signal.aborted) throw error;
    return stoppedBeforeStart(options.folder);
  }
  const now = performance.now();
  const clock: Clock = {
    started: now,
    steps: 0,
    lastSave: now,
    epochStarted: now,
    tensors: undefined,
  };
  try {
    const finished = await trainEpochs(session, clock);
    if (finished) session.state.finished = true;
    await saveCheckpoints(session, ["last"]);
    session.log(finished ? "finished" : `stopped after step ${session.state.step}`);
    return summarise(session, clock);
  } finally {
    await session.close();
  }
}

/** While the engine started or volumes were made: whatever is on disk is where `resume` continues. */
async function stoppedBeforeStart(folder: string): Promise<TrainResult> {
  const { config: { engine }, state } = await readRun(folder);
  const { epoch: epochs = 0, step: steps = 0, best = { presence: null, severity: null } } = state ?? {};
  return { folder, status: "stopped", engine, epochs, steps, best, seconds: 0 };
}

/** False when asked to stop on the way. */
async function trainEpochs(session: Session, clock: Clock): Promise<boolean> {
  const epochs = totalEpochs(session.config), batches = openBatches(session, { validation: true });
  try {
    while (session.state.epoch < epochs) {
      clock.epochStarted = performance.now();
      if (session.state.stepInEpoch === 0) beginPhase(session, clock);
      if (!(await trainEpoch(session, clock, batches))) return false;
      const validationStarted = performance.now();
      const validation = await validate(session, batches);
      if (validation === undefined) return false;
      await finishEpoch(session, clock, validation, validationStarted);
    }
    return true;
  } finally {
    await batches.return();
  }
}

async function trainEpoch(session: Session, clock: Clock, batches: Batches): Promise<boolean> {
  const { config, state, stepsPerEpoch } = session;
  while (state.stepInEpoch < stepsPerEpoch) {
    if (session.signal.aborted) return false;
    const step = await optimizerStep(session, batches, scheduled(session));
    session.metrics.append(step);
    clock.steps++;
    if (clock.steps === 1) await session.engine.tune?.();
    session.post({ ...step, ...stepProgress(session, clock) });
    await macrotask();
    if (performance.now() - clock.lastSave > config.checkpointSeconds * 1000) {
      await saveCheckpoints(session, ["last"]);
      clock.lastSave = performance.now();
    }
  }
  return true;
}

/** At the first step of a phase the optimizer starts anew, whether or not the run was resumed there. */
function beginPhase({ config, state, optimizer, log }: Session, clock: Clock): void {
  const phase = phaseAt(config, state.epoch);
  if (config.fineTune === undefined || state.epoch !== phase.firstEpoch) return;
  optimizer.dispose();
  clock.tensors = undefined; // the number of moments changes
  const trained = phase.bodyFrozen ? "head and batch norms" : "the whole network";
  log(
    `fine-tuning: ${trained} for ${phase.epochs} epoch${
      phase.epochs === 1 ? "" : "s"
    }, up to a learning rate of ${phase.schedule.lrMax}`,
  );
}

function scheduled({ config, state, stepsPerEpoch }: Session): SchedulePoint {
  return scheduledStep(config, state, stepsPerEpoch);
}

/** Records the epoch, keeps the best weights of each task, and checkpoints. */
async function finishEpoch(
  session: Session,
  clock: Clock,
  validation: ValidationResult,
  validationStarted: number,
): Promise<void> {
  const { state, config, metrics, splits } = session;
  const improved = updateBest(session, validation);
  const line = epochMetrics(session, clock, validation, validationStarted);
  metrics.append(line);
  session.post({ kind: "epoch", metrics: line });
  session.log(describeEpoch(line, totalEpochs(config)));
  const csv = validationCsv(splits.validation, validation.logits, config.loss.severityFactor);
  await writeFileAtomic(join(session.folder, runFiles.validationPredictions), csv);
  state.epoch++;
  state.stepInEpoch = 0;
  state.sums = noSums();
  assertNoLeak(clock, line.epoch);
  // The last checkpoint comes last: whenever it exists, the best ones that its state speaks of do, too.
  const predictions = new Map([[runFiles.validationPredictions, new TextEncoder().encode(csv)]]);
  await saveCheckpoints(session, [...improved, "last"], predictions);
  clock.lastSave = performance.now();
}

/** Tasks whose best score this epoch is. */
function updateBest({ state }: Session, validation: ValidationResult): CheckpointName[] {
  const improved: CheckpointName[] = [];
  for (const task of ["presence", "severity"] as const) {
    const score = validation[task]?.macroF1;
    if (!improves(score, state.best[task])) continue;
    state.best[task] = { epoch: state.epoch, score };
    improved.push(`best-${task}`);
  }
  return improved;
}

function epochMetrics(
  { state, config, engine, loader }: Session,
  clock: Clock,
  { loss, presence, severity }: ValidationResult,
  validationStarted: number,
): EpochMetrics {
  const trained = trainedTasks(config.loss.severityFactor);
  const now = performance.now();
  const steps = state.stepInEpoch;
  return {
    kind: "epoch",
    epoch: state.epoch,
    step: state.step,
    trainLoss: state.sums.loss / steps,
    trainPresenceLoss: trained.presence ? state.sums.presenceLoss / steps : null,
    trainSeverityLoss: trained.severity ? state.sums.severityLoss / steps : null,
    validationLoss: loss,
    presence,
    severity,
    bestPresenceF1: state.best.presence?.score ?? null,
    bestSeverityF1: state.best.severity?.score ?? null,
    timing: {
      seconds: (now - clock.epochStarted) / 1000,
      stallSeconds: loader.takeStallSeconds(),
      validationSeconds: (now - validationStarted) / 1000,
      residentBytes: engine.memory().residentBytes,
    },
  };
}

/** A run that leaks a tensor a step would die hours later for no visible reason; it fails after two epochs instead. */
function assertNoLeak(clock: Clock, epoch: number): void {
  const { numTensors } = tf.memory();
  clock.tensors ??= numTensors;
  if (numTensors === clock.tensors) return;
  throw new EngineError("engine.leak", `tensors were not freed during epoch ${epoch + 1}`, {
    expected: `${clock.tensors} live tensors, as after this session's first epoch`,
    found: `${numTensors}`,
  });
}

function stepProgress({ state, config, stepsPerEpoch }: Session, clock: Clock) {
  const epochs = totalEpochs(config);
  const totalSteps = epochs * stepsPerEpoch;
  const stepsPerSecond = clock.steps / ((performance.now() - clock.started) / 1000);
  return { epochs, totalSteps, stepsPerSecond, secondsLeft: (totalSteps - state.step) / stepsPerSecond };
}

/** One line for the log; a task that is not trained is "–". */
export function describeEpoch({ epoch, trainLoss, validationLoss, timing, ...line }: EpochMetrics, epochs: number) {
  const stall = 100 * timing.stallSeconds / Math.max(timing.seconds, 1e-9);
  return [
    `epoch ${epoch + 1}/${epochs}: loss ${trainLoss.toFixed(4)}`,
    `validation ${validationLoss.toFixed(4)}`,
    `presence F1 ${formatScore(line.presence?.macroF1)} (best ${formatScore(line.bestPresenceF1)})`,
    `severity F1 ${formatScore(line.severity?.macroF1)} (best ${formatScore(line.bestSeverityF1)})`,
    `${timing.seconds.toFixed(1)} s`,
    `stall ${stall.toFixed(1)} %`,
  ].join(", ");
}

function summarise({ folder, state, engine }: Session, clock: Clock): TrainResult {
  return {
    folder,
    status: state.finished ? "finished" : "stopped",
    engine: engine.name,
    epochs: state.epoch,
    steps: state.step,
    best: state.best,
    seconds: (performance.now() - clock.started) / 1000,
  };
}
