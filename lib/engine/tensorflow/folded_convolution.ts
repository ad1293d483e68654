/**
 * Convolutions with the batch norm after them folded in, for predictions: γ/√(σ² + ε) scales the filter, the rest is a
 * bias, and shortcut and ReLU are added while the result is still in the processor's cache. Where the number of planes
 * allows it, by Winograd's filtering along depth.
 */
import * as tf from "../../tf.ts";
import type { Tensor5D } from "../../tf.ts";
import { convOutputShape, sizeOf } from "../reference.ts";
import type { Conv3dGeometry, FixedNorm, FoldedConvNorm } from "../types.ts";
import { fusedConv3d, hasFusedConv3d } from "./fused_conv3d.ts";
import type { Operators } from "./operators.ts";
import { suitsWinograd, winogradConv3d, winogradFilters } from "./winograd.ts";

type Shape5D = Tensor5D["shape"];

/** Multiply-accumulates a scan from which folding is worth it; smaller networks keep the bits that their records have. */
const costly = 2 ** 27;

export class ConvNormFolder {
  private fused: boolean | undefined;

  constructor(private readonly operators: Operators) {}

  /** Undefined for small convolutions, and where TensorFlow lacks the fused kernel. */
  fold(input: Shape5D, w: Tensor5D, norm: FixedNorm, geometry: Conv3dGeometry): FoldedConvNorm | undefined {
    const outputs = sizeOf(convOutputShape(input, w.shape, geometry)) / input[0];
    if (outputs * w.size / w.shape[4] < costly || !(this.fused ??= hasFusedConv3d(this.operators))) return undefined;
    return foldedConvolution(this.operators, input, w, norm, geometry);
  }
}

function foldedConvolution(
  operators: Operators,
  input: Shape5D,
  w: Tensor5D,
  { gamma, beta, mean, variance, epsilon }: FixedNorm,
  geometry: Conv3dGeometry,
): FoldedConvNorm {
  const scale = tf.tidy(() => tf.div<tf.Tensor1D>(gamma, tf.sqrt(tf.add(variance, epsilon))));
  const bias = tf.tidy(() => tf.sub<tf.Tensor1D>(beta, tf.mul(mean, scale)));
  const filter = tf.mul<Tensor5D>(w, scale);
  scale.dispose();
  const winograd = suitsWinograd(input, w.shape, geometry);
  const filters = winograd ? winogradFilters(input[1], filter) : [filter];
  if (winograd) filter.dispose();
  return {
    run(x, { relu, residual }) {
      // x may have more samples than before; oneDNN does not look whether it was given its memory.
      operators.assertRoom((winograd ? 3 : 1) * sizeOf(convOutputShape(x.shape, w.shape, geometry)));
      const options = { bias, relu, summand: residual };
      const y = winograd
        ? winogradConv3d(operators, x, filters, options)
        : fusedConv3d(operators, x, filters[0]!, geometry, options);
      x.dispose();
      return y;
    },
    dispose: () => tf.dispose([bias, ...filters]),
  };
}
