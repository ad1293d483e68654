/** torchvision's BasicBlock: relu(chain2(relu(chain1(x))) + shortcut(x)). */
import * as tf from "../tf.ts";
import type { ConvNormChain } from "./conv_norm.ts";
import type { InferenceContext, Layer, Recorded, RecordingContext } from "./layer.ts";

export class ResidualBlock implements Layer {
  /** Without a shortcut chain the shortcut is the identity. */
  constructor(
    readonly chain1: ConvNormChain,
    readonly chain2: ConvNormChain,
    readonly shortcut?: ConvNormChain,
  ) {}

  infer(x: tf.Tensor5D, context: InferenceContext): tf.Tensor5D {
    const copy = tf.clone(x);
    const middle = this.chain1.infer(x, { relu: true }, context);
    const residual = this.shortcut?.infer(copy, { relu: false }, context) ?? copy;
    return this.chain2.infer(middle, { relu: true, residual }, context);
  }

  record(x: tf.Tensor5D, context: RecordingContext): Recorded {
    const copy = tf.clone(x);
    const first = this.chain1.record(x, { relu: true }, context);
    const shortcut = this.shortcut?.record(copy, { relu: false }, context);
    const second = this.chain2.record(first.y, { relu: true, residual: shortcut?.y ?? copy }, context);
    return {
      y: second.y,
      backward(dy, sink) {
        const { dx: dMiddle, dResidual } = second.backward(dy, sink);
        const main = first.backward(dMiddle, sink).dx;
        const side = shortcut === undefined ? dResidual! : shortcut.backward(dResidual!, sink).dx;
        const dx = tf.add<tf.Tensor5D>(main, side);
        tf.dispose([main, side]);
        return dx;
      },
      release() {
        second.release();
        shortcut?.release();
        first.release();
      },
    };
  }
}
