/**
 * Rematerialisation (Chen et al., "Training deep nets with sublinear memory cost", 2016): a part of the network keeps
 * nothing but its input, and what its gradient needs is computed again when the backward pass gets there. The same
 * operations on the same numbers, dropout masks included, give the same bits; running statistics take a batch in once.
 */
import * as tf from "../tf.ts";
import type { Layer, Recorded, RecordingContext } from "./layer.ts";

/** Whether activations are kept for the backward pass, or computed again in it. */
export const memoryModes = ["fast", "lean"] as const;
export type MemoryMode = typeof memoryModes[number];

interface Released {
  readonly y: tf.Tensor5D;
  release(): void;
}

export interface Recomputable<R> {
  readonly y: tf.Tensor5D;
  /** Computes it again, to go back through it. */
  again(): R;
  /** Frees the input, when no gradient is wanted. */
  release(): void;
}

/** Runs `record` for its result alone; it takes ownership of x each time. */
export function recomputable<R extends Released>(
  x: tf.Tensor5D,
  context: RecordingContext,
  record: (x: tf.Tensor5D, context: RecordingContext) => R,
): Recomputable<R> {
  const kept = tf.clone(x);
  const first = record(x, context);
  first.release();
  return {
    y: first.y,
    again() {
      const second = record(kept, context.statistics === "running" ? context : { ...context, updateStatistics: false });
      second.y.dispose();
      return second;
    },
    release: () => kept.dispose(),
  };
}

/** The same layer, keeping only its input. */
export function recomputed(layer: Layer): Layer {
  return {
    infer: (x, context) => layer.infer(x, context),
    record(x, context): Recorded {
      const part = recomputable(x, context, (input, again) => layer.record(input, again));
      return {
        y: part.y,
        backward: (dy, sink) => part.again().backward(dy, sink),
        release: () => part.release(),
      };
    },
  };
}
