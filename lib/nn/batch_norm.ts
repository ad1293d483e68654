/** Batch normalisation over N, D, H, W with the residual sum and the ReLU that follow it, as one layer. */
import * as tf from "../tf.ts";
import type { BatchNormOptions } from "../engine/types.ts";
import { ConfigError } from "../errors.ts";
import type { AttributionContext, InferenceContext, RecordingContext, TrainingContext } from "./layer.ts";
import type { Counter, GradientSink, Parameter, Slot } from "./parameter.ts";

/** PyTorch's defaults, which torchvision keeps. */
export const batchNormEpsilon = 1e-5;
export const batchNormMomentum = 0.1;

export interface BatchNormState {
  readonly gamma: Parameter<tf.Tensor1D>;
  readonly beta: Parameter<tf.Tensor1D>;
  readonly runningMean: Slot<tf.Tensor1D>;
  /** Unbiased, as PyTorch keeps it. */
  readonly runningVariance: Slot<tf.Tensor1D>;
  readonly batches: Counter;
}

export interface AfterNorm {
  readonly relu: boolean;
  /** Added before the ReLU; owned by the layer from here on. */
  readonly residual?: tf.Tensor5D | undefined;
}

export interface RecordedBatchNorm {
  readonly y: tf.Tensor5D;
  backward(dy: tf.Tensor5D, sink?: GradientSink): { dx: tf.Tensor5D; dResidual?: tf.Tensor5D };
  release(): void;
}

export class BatchNorm {
  constructor(readonly state: BatchNormState) {}

  infer(x: tf.Tensor5D, after: AfterNorm, { ops }: InferenceContext): tf.Tensor5D {
    const { gamma, beta, runningMean, runningVariance } = this.state;
    const y = ops.batchNormInference(
      x,
      gamma.value,
      beta.value,
      runningMean.value,
      runningVariance.value,
      options(after),
    );
    x.dispose();
    after.residual?.dispose();
    return y;
  }

  record(x: tf.Tensor5D, after: AfterNorm, context: RecordingContext): RecordedBatchNorm {
    return context.statistics === "running" ? this.recordFixed(x, after, context) : this.recordBatch(x, after, context);
  }

  /** Statistics of the batch: they depend on x, and so does their part of the gradient. */
  private recordBatch(x: tf.Tensor5D, after: AfterNorm, context: TrainingContext): RecordedBatchNorm {
    const { gamma, beta } = this.state;
    assertEnoughValues(x, gamma.name);
    const result = context.ops.batchNorm(x, gamma.value, beta.value, options(after));
    x.dispose();
    after.residual?.dispose();
    if (context.updateStatistics) this.updateStatistics(result.mean, result.variance);
    tf.dispose([result.mean, result.variance]);
    return {
      y: result.y,
      backward(dy, sink) {
        const { dx, dGamma, dBeta, dResidual } = result.backward(dy);
        dy.dispose();
        if (sink === undefined) tf.dispose([dGamma, dBeta]);
        sink?.(gamma, dGamma);
        sink?.(beta, dBeta);
        return dResidual === undefined ? { dx } : { dx, dResidual };
      },
      release: () => result.release(),
    };
  }

  /** Fixed statistics: an affine map per channel, whose gradient is dy·γ/√(σ² + ε) where the ReLU is open. */
  private recordFixed(x: tf.Tensor5D, after: AfterNorm, context: AttributionContext): RecordedBatchNorm {
    const { gamma, runningVariance } = this.state;
    const hasResidual = after.residual !== undefined;
    const y = this.infer(x, after, context);
    const open = after.relu ? tf.step(y) : undefined;
    return {
      y,
      backward(dy) {
        const dSum = open === undefined ? tf.clone(dy) : tf.mul<tf.Tensor5D>(dy, open);
        const dx = tf.tidy(() =>
          tf.mul<tf.Tensor5D>(dSum, tf.div(gamma.value, tf.sqrt(tf.add(runningVariance.value, batchNormEpsilon))))
        );
        tf.dispose([dy, open ?? []]);
        if (hasResidual) return { dx, dResidual: dSum };
        dSum.dispose();
        return { dx };
      },
      release: () => open?.dispose(),
    };
  }

  /** running ← (1 − momentum)·running + momentum·batch. */
  private updateStatistics(mean: tf.Tensor1D, variance: tf.Tensor1D): void {
    const blend = (running: tf.Tensor1D, batch: tf.Tensor1D): tf.Tensor1D =>
      tf.tidy(() => tf.add(tf.mul(running, 1 - batchNormMomentum), tf.mul(batch, batchNormMomentum)));
    const { runningMean, runningVariance, batches } = this.state;
    runningMean.assign(blend(runningMean.value, mean));
    runningVariance.assign(blend(runningVariance.value, variance));
    batches.count++;
  }
}

function options({ relu, residual }: AfterNorm): BatchNormOptions {
  return { epsilon: batchNormEpsilon, relu, ...(residual === undefined ? {} : { residual }) };
}

function assertEnoughValues(x: tf.Tensor5D, name: string): void {
  if (x.size / x.shape[4] > 1) return;
  throw new ConfigError("network.input_too_small", `${name}: batch normalisation has one value per channel`, {
    expected: "at least two values per channel to take statistics of",
    found: `an activation of shape [${x.shape.join(", ")}]`,
    hint: "Use larger volumes, a larger batch, or fewer stages",
  });
}
