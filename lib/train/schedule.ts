/** fastai's one-cycle schedule and smoothed training loss (one-cycle: Smith & Topin, arXiv:1708.07120). */
import { ConfigError } from "../errors.ts";

export interface OneCycleOptions {
  readonly lrMax: number;
  /** First learning rate is lrMax / div. */
  readonly div?: number;
  /** Last learning rate is lrMax / divFinal. */
  readonly divFinal?: number;
  /** Share of the steps that go up. */
  readonly rise?: number;
  /** Momentum at the start, at the top of the learning rate, and at the end. */
  readonly momenta?: readonly [start: number, top: number, end: number];
}

export interface SchedulePoint {
  readonly lr: number;
  /** β₁ of this step. */
  readonly momentum: number;
}

/** Values for optimizer step `step` (from 0) of `total`: cosine up over the first 25 %, cosine down over the rest. */
export function oneCycle(step: number, total: number, options: OneCycleOptions): SchedulePoint {
  const { lrMax, div = 25, divFinal = 1e5, rise = 0.25, momenta: [start, top, end] = [0.95, 0.85, 0.95] } = options;
  if (!(total > 0 && step >= 0 && step <= total)) {
    throw new ConfigError("schedule.step", "step is outside the schedule", {
      expected: `0 … ${total}`,
      found: String(step),
    });
  }
  const position = step / total;
  if (position < rise) {
    const share = position / rise;
    return { lr: cosine(lrMax / div, lrMax, share), momentum: cosine(start, top, share) };
  }
  const share = (position - rise) / (1 - rise);
  return { lr: cosine(lrMax, lrMax / divFinal, share), momentum: cosine(top, end, share) };
}

/** Half a cosine from `from` (share 0) to `to` (share 1). */
function cosine(from: number, to: number, share: number): number {
  return from + (1 + Math.cos(Math.PI * (1 - share))) * (to - from) / 2;
}

/** State of the smoothed loss: Σ of an exponential average, debiased when shown. */
export interface SmoothedLossState {
  value: number;
  count: number;
}

/** fastai's AvgSmoothLoss: takes one loss into `state`, returns the debiased exponential average. */
export function smoothLoss(state: SmoothedLossState, loss: number, beta = 0.98): number {
  state.count++;
  state.value = beta * state.value + (1 - beta) * loss;
  return state.value / (1 - beta ** state.count);
}
