/**
 * How layers compute and how their gradients run: explicit layer-wise reverse, no gradient tape.
 *
 * Ownership: a layer owns what flows into it and disposes it when it is no longer needed; what it returns belongs to
 * the caller. A block that uses a tensor twice clones it first (clones share memory).
 */
import type * as tf from "../tf.ts";
import type { DropoutStream, EngineOps } from "../engine/types.ts";
import { deriveSeed } from "../random.ts";
import type { Folds } from "./folds.ts";
import type { GradientSink } from "./parameter.ts";

/** The stream of one dropout layer at one training step. */
export type DropoutSource = (layerIndex: number) => DropoutStream;

export interface InferenceContext {
  readonly ops: EngineOps;
  /** Given while weights stay as they are. */
  readonly folds?: Folds | undefined;
  /** Given only for Monte-Carlo dropout: dropout stays active. */
  readonly dropout?: DropoutSource;
}

export interface TrainingContext {
  readonly ops: EngineOps;
  readonly dropout: DropoutSource;
  /** False when a forward pass is run again for its activations only: running statistics stay as they are. */
  readonly updateStatistics: boolean;
  readonly statistics?: "batch";
}

/**
 * Inference with a way back: running statistics, no dropout, and gradients with respect to activations alone (no sink is
 * given, so no parameter's gradient is made). This is what saliency maps need.
 */
export interface AttributionContext {
  readonly ops: EngineOps;
  readonly statistics: "running";
}

export type RecordingContext = TrainingContext | AttributionContext;

/** A forward step that can go back. Call exactly one of `backward` and `release`, once. */
export interface Recorded<In extends tf.Tensor = tf.Tensor5D, Out extends tf.Tensor = tf.Tensor5D> {
  readonly y: Out;
  /**
   * Takes dL/dy, hands parameter gradients to the sink (none are made without one), frees everything saved, returns
   * dL/dx.
   */
  backward(dy: Out, sink?: GradientSink): In;
  /** Frees everything saved, for when no gradient is wanted. */
  release(): void;
}

export interface Layer<In extends tf.Tensor = tf.Tensor5D, Out extends tf.Tensor = tf.Tensor5D> {
  /** Inference: fixed statistics, nothing saved. */
  infer(x: In, context: InferenceContext): Out;
  /** What the gradient needs is saved. */
  record(x: In, context: RecordingContext): Recorded<In, Out>;
}

/** Streams that depend on nothing but seed, step and layer: the same masks on every engine and after every resume. */
export function dropoutSource(seed: number, step: number): DropoutSource {
  const word = deriveSeed(seed, "dropout");
  return (layerIndex) => ({ key: [word, layerIndex], counter: [0, step] });
}

/** Layers one after the other. */
export function sequence<T extends tf.Tensor>(layers: readonly Layer<T, T>[]): Layer<T, T> {
  return {
    infer: (x, context) => layers.reduce((value, layer) => layer.infer(value, context), x),
    record(x, context) {
      const steps: Recorded<T, T>[] = [];
      let y = x;
      for (const layer of layers) {
        const step = layer.record(y, context);
        steps.push(step);
        y = step.y;
      }
      return {
        y,
        backward: (dy, sink) => steps.reduceRight((gradient, step) => step.backward(gradient, sink), dy),
        release: () => steps.forEach((step) => step.release()),
      };
    },
  };
}
