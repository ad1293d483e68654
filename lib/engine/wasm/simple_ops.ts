/** All operations through the float64 reference: right, and slow. */
import * as tf from "../../tf.ts";
import { dropoutMask, dropoutScale } from "../philox.ts";
import {
  referenceBatchNorm,
  referenceBatchNormGrad,
  referenceConv3d,
  referenceFilterGrad,
  referenceInputGrad,
} from "../reference.ts";
import type { EngineOps } from "../types.ts";

const f32 = (values: Float64Array, shape: readonly number[]) => tf.tensor(Float32Array.from(values), [...shape]);

export const simpleOps: EngineOps = {
  conv3d(x, w, geometry) {
    const { values, shape } = referenceConv3d(x.dataSync(), x.shape, w.dataSync(), w.shape, geometry);
    return f32(values, shape) as tf.Tensor5D;
  },
  conv3dInputGrad: (dy, w, inputShape, geometry) =>
    f32(referenceInputGrad(dy.dataSync(), w.dataSync(), w.shape, inputShape, geometry), inputShape) as tf.Tensor5D,
  conv3dFilterGrad: (x, dy, filterShape, geometry) =>
    f32(referenceFilterGrad(x.dataSync(), x.shape, dy.dataSync(), filterShape, geometry), filterShape) as tf.Tensor5D,
  batchNorm(x, gamma, beta, { epsilon, relu, residual }) {
    const [xs, gs, bs] = [x.dataSync(), gamma.dataSync(), beta.dataSync()];
    const options = { epsilon, relu, ...(residual && { residual: residual.dataSync() }) };
    const { y, mean, variance } = referenceBatchNorm(xs, gs, bs, options);
    return {
      y: f32(y, x.shape) as tf.Tensor5D,
      mean: f32(mean, gamma.shape) as tf.Tensor1D,
      variance: f32(variance, gamma.shape) as tf.Tensor1D,
      backward(dy) {
        const { dx, dGamma, dBeta, dResidual } = referenceBatchNormGrad(xs, gs, bs, dy.dataSync(), options);
        return {
          dx: f32(dx, dy.shape) as tf.Tensor5D,
          dGamma: f32(dGamma, [dGamma.length]) as tf.Tensor1D,
          dBeta: f32(dBeta, [dBeta.length]) as tf.Tensor1D,
          ...(residual && { dResidual: f32(dResidual, dy.shape) as tf.Tensor5D }),
        };
      },
      release() {},
    };
  },
  batchNormInference(x, gamma, beta, mean, variance, { epsilon, relu, residual }) {
    return tf.tidy(() => {
      const scale = gamma.div(variance.add(epsilon).sqrt());
      let y: tf.Tensor = x.sub(mean).mul(scale).add(beta);
      if (residual) y = y.add(residual);
      return (relu ? y.relu() : y) as tf.Tensor5D;
    });
  },
  dropout<T extends tf.Tensor>(x: T, rate: number, stream: Parameters<EngineOps["dropout"]>[2]) {
    const mask = Float32Array.from(dropoutMask(stream, rate, x.size), (kept) => kept * dropoutScale(rate));
    const apply = (values: T): T => tf.tidy(() => values.mul(tf.tensor(mask, values.shape)) as T);
    return { y: apply(x), backward: apply, release() {} };
  },
};
