/** Element-wise inverted dropout (not channel-wise), with a mask that depends on seed, step and layer only. */
import type * as tf from "../tf.ts";
import type { InferenceContext, Layer, Recorded, RecordingContext } from "./layer.ts";

export class Dropout<T extends tf.Tensor> implements Layer<T, T> {
  constructor(readonly rate: number, readonly layerIndex: number) {}

  infer(x: T, { ops, dropout }: InferenceContext): T {
    if (dropout === undefined || this.rate === 0) return x;
    const result = ops.dropout(x, this.rate, dropout(this.layerIndex));
    result.release();
    x.dispose();
    return result.y;
  }

  record(x: T, context: RecordingContext): Recorded<T, T> {
    if (this.rate === 0 || context.statistics === "running") return { y: x, backward: (dy) => dy, release() {} };
    const result = context.ops.dropout(x, this.rate, context.dropout(this.layerIndex));
    x.dispose();
    return {
      y: result.y,
      backward(dy) {
        const dx = result.backward(dy);
        dy.dispose();
        return dx;
      },
      release: () => result.release(),
    };
  }
}
