/** The learning-rate sweep on an open training session: the same steps as training, with a rising rate. */
import type { Batches } from "../data/loader.ts";
import { RunError } from "../errors.ts";
import { macrotask } from "../worker.ts";
import { openBatches } from "./batches.ts";
import { divergenceFactor, type SweepPoint, sweepPoint, type SweepRange } from "./lr_find.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { optimizerStep } from "./optimizer_step.ts";

export interface SweepOptions extends SessionOptions {
  readonly range: SweepRange;
  /** False: go on to the highest rate whatever the loss does, as the original program. */
  readonly stopWhenDiverged: boolean;
  readonly onPoint: (point: SweepPoint, done: number) => void;
}

export type SweepEnd = "finished" | "diverged" | "stopped";

export interface Sweep {
  readonly points: readonly SweepPoint[];
  readonly end: SweepEnd;
  readonly engine: string;
}

/** Runs the sweep. Nothing of the session's network is kept. */
export async function runSweep(options: SweepOptions): Promise<Sweep> {
  let session: Session;
  try {
    session = await openSession(options);
  } catch (error) {
    if (!options.signal.aborted) throw error;
    return { points: [], end: "stopped", engine: "" };
  }
  try {
    const points: SweepPoint[] = [];
    const end = await sweep(session, options, points);
    return { points, end, engine: session.engine.name };
  } finally {
    await session.close();
  }
}

async function sweep(
  session: Session,
  { range, stopWhenDiverged, onPoint }: SweepOptions,
  points: SweepPoint[],
): Promise<SweepEnd> {
  const batches = openBatches(session, { validation: false });
  let lowest = Infinity;
  try {
    while (points.length < range.iterations) {
      if (session.signal.aborted) return "stopped";
      const point = await sweepStep(session, batches, range, points.length);
      if (point === undefined) return "diverged";
      points.push(point);
      if (points.length === 1) await session.engine.tune?.();
      onPoint(point, points.length);
      lowest = Math.min(lowest, point.smoothLoss);
      if (stopWhenDiverged && point.smoothLoss > divergenceFactor * lowest) return "diverged";
      if (session.state.stepInEpoch === session.stepsPerEpoch) {
        session.state.epoch++;
        session.state.stepInEpoch = 0;
      }
      await macrotask();
    }
    return "finished";
  } finally {
    await batches.return();
  }
}

/** Undefined when the loss is not a finite number any more: the sweep has gone far enough. */
async function sweepStep(
  session: Session,
  batches: Batches,
  range: SweepRange,
  step: number,
): Promise<SweepPoint | undefined> {
  try {
    const { learningRate, loss, smoothLoss } = await optimizerStep(session, batches, sweepPoint(step, range));
    return { learningRate, loss, smoothLoss };
  } catch (error) {
    if (error instanceof RunError && error.code === "train.not_finite") return undefined;
    throw error;
  }
}
