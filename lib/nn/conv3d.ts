/** 3-D convolution without bias, PyTorch's geometry. */
import * as tf from "../tf.ts";
import type { Conv3dGeometry } from "../engine/types.ts";
import type { InferenceContext, Layer, Recorded, RecordingContext } from "./layer.ts";
import type { GradientSink, Parameter } from "./parameter.ts";

export interface RecordedConv3d extends Recorded {
  /** Like `backward` for a layer whose input needs no gradient (the stem): the costliest input gradient is not made. */
  backwardParameters(dy: tf.Tensor5D, sink: GradientSink): void;
}

export class Conv3d implements Layer {
  constructor(readonly weight: Parameter<tf.Tensor5D>, readonly geometry: Conv3dGeometry) {}

  infer(x: tf.Tensor5D, { ops }: InferenceContext): tf.Tensor5D {
    const y = ops.conv3d(x, this.weight.value, this.geometry);
    x.dispose();
    return y;
  }

  record(x: tf.Tensor5D, { ops }: RecordingContext): RecordedConv3d {
    const { weight, geometry } = this;
    const inputShape = x.shape;
    // The filter gradient comes first so that x is freed before dx is made; the sink, which may change the weight at
    // once, comes last.
    const filterGradient = (dy: tf.Tensor5D) => {
      const gradient = ops.conv3dFilterGrad(x, dy, weight.value.shape, geometry);
      x.dispose();
      return gradient;
    };
    return {
      y: ops.conv3d(x, weight.value, geometry),
      backward(dy, sink) {
        const gradient = sink && !weight.frozen ? filterGradient(dy) : undefined;
        const dx = ops.conv3dInputGrad(dy, weight.value, inputShape, geometry);
        tf.dispose([x, dy]);
        if (gradient !== undefined) sink?.(weight, gradient);
        return dx;
      },
      backwardParameters(dy, sink) {
        if (weight.frozen) return tf.dispose([x, dy]);
        const gradient = filterGradient(dy);
        dy.dispose();
        sink(weight, gradient);
      },
      release: () => x.dispose(),
    };
  }
}
