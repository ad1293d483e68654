/** max(0, x) for the head (convolutions have theirs inside batch norm). The gradient at 0 is 0, as in PyTorch. */
import * as tf from "../tf.ts";
import type { Layer, Recorded } from "./layer.ts";

export class Relu<T extends tf.Tensor> implements Layer<T, T> {
  infer(x: T): T {
    const y = tf.relu(x);
    x.dispose();
    return y;
  }

  record(x: T): Recorded<T, T> {
    const y = tf.relu(x);
    x.dispose();
    const saved = tf.clone(y);
    return {
      y,
      backward(dy) {
        const dx = tf.tidy(() => tf.mul(dy, tf.step(saved)) as T);
        tf.dispose([dy, saved]);
        return dx;
      },
      release: () => saved.dispose(),
    };
  }
}
