/** Chains of convolution + batch norm (+ residual) (+ ReLU): all that a residual network is made of. */
import type * as tf from "../tf.ts";
import type { AfterNorm, BatchNorm, RecordedBatchNorm } from "./batch_norm.ts";
import type { Conv3d, RecordedConv3d } from "./conv3d.ts";
import type { InferenceContext, RecordingContext } from "./layer.ts";
import type { GradientSink } from "./parameter.ts";

export interface ConvNorm {
  readonly conv: Conv3d;
  readonly norm: BatchNorm;
}

export interface RecordedChain {
  readonly y: tf.Tensor5D;
  backward(dy: tf.Tensor5D, sink?: GradientSink): { dx: tf.Tensor5D; dResidual?: tf.Tensor5D };
  /** Without the gradient with respect to the chain's input. */
  backwardParameters(dy: tf.Tensor5D, sink: GradientSink): void;
  release(): void;
}

/** ReLU between each two links; `after` says what follows the last batch norm. */
export class ConvNormChain {
  constructor(readonly links: readonly ConvNorm[]) {}

  infer(x: tf.Tensor5D, after: AfterNorm, context: InferenceContext): tf.Tensor5D {
    return this.links.reduce((value, link, index) => {
      const afterLink = this.afterLink(index, after);
      return context.folds?.infer(link, value, afterLink) ??
        link.norm.infer(link.conv.infer(value, context), afterLink, context);
    }, x);
  }

  record(x: tf.Tensor5D, after: AfterNorm, context: RecordingContext): RecordedChain {
    const steps: { conv: RecordedConv3d; norm: RecordedBatchNorm }[] = [];
    let y = x;
    for (const [index, link] of this.links.entries()) {
      const conv = link.conv.record(y, context);
      const norm = link.norm.record(conv.y, this.afterLink(index, after), context);
      steps.push({ conv, norm });
      y = norm.y;
    }
    return { y, ...chainBackward(steps) };
  }

  private afterLink(index: number, after: AfterNorm): AfterNorm {
    return index === this.links.length - 1 ? after : { relu: true };
  }
}

function chainBackward(
  steps: readonly { conv: RecordedConv3d; norm: RecordedBatchNorm }[],
): Omit<RecordedChain, "y"> {
  /** Gradient at the first convolution's output; the residual's gradient comes from the last batch norm. */
  const downToFirst = (dy: tf.Tensor5D, sink?: GradientSink) => {
    let dResidual: tf.Tensor5D | undefined;
    let gradient = dy;
    for (let index = steps.length - 1; index >= 0; index--) {
      const result = steps[index]!.norm.backward(gradient, sink);
      dResidual ??= result.dResidual;
      gradient = index === 0 ? result.dx : steps[index]!.conv.backward(result.dx, sink);
    }
    return { gradient, dResidual };
  };
  return {
    backward(dy, sink) {
      const { gradient, dResidual } = downToFirst(dy, sink);
      const dx = steps[0]!.conv.backward(gradient, sink);
      return dResidual === undefined ? { dx } : { dx, dResidual };
    },
    backwardParameters(dy, sink) {
      const { gradient, dResidual } = downToFirst(dy, sink);
      dResidual?.dispose();
      steps[0]!.conv.backwardParameters(gradient, sink);
    },
    release() {
      for (const { conv, norm } of steps) {
        norm.release();
        conv.release();
      }
    },
  };
}
