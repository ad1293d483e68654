/** Fully connected layer: y = x·Wᵀ + b, with W in torch's layout [out, in]. */
import * as tf from "../tf.ts";
import type { Layer, Recorded } from "./layer.ts";
import type { Parameter } from "./parameter.ts";

export class Linear implements Layer<tf.Tensor2D, tf.Tensor2D> {
  constructor(readonly weight: Parameter<tf.Tensor2D>, readonly bias?: Parameter<tf.Tensor1D>) {}

  infer(x: tf.Tensor2D): tf.Tensor2D {
    const y = this.product(x);
    x.dispose();
    return y;
  }

  record(x: tf.Tensor2D): Recorded<tf.Tensor2D, tf.Tensor2D> {
    const { weight, bias } = this;
    return {
      y: this.product(x),
      backward(dy, sink) {
        const dW: tf.Tensor2D | undefined = sink && tf.matMul(dy, x, true, false);
        const db = sink && bias && tf.sum(dy, 0);
        const dx: tf.Tensor2D = tf.matMul(dy, weight.value);
        tf.dispose([x, dy]);
        if (dW !== undefined) sink?.(weight, dW);
        if (db !== undefined) sink?.(bias!, db);
        return dx;
      },
      release: () => x.dispose(),
    };
  }

  private product(x: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const product: tf.Tensor2D = tf.matMul(x, this.weight.value, false, true);
      return this.bias === undefined ? product : tf.add<tf.Tensor2D>(product, this.bias.value);
    });
  }
}
