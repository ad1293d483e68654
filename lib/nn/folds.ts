/** Batch norms folded into the convolutions before them, for inference with weights that stay as they are. */
import type { EngineOps, FoldedConvNorm } from "../engine/types.ts";
import type { Tensor5D } from "../tf.ts";
import { type AfterNorm, batchNormEpsilon } from "./batch_norm.ts";
import type { ConvNorm } from "./conv_norm.ts";

/** Folded filters of a network, made when they are first needed. */
export class Folds {
  private readonly folded = new Map<ConvNorm, FoldedConvNorm | undefined>();

  constructor(private readonly ops: EngineOps) {}

  /** The link's output, with x and the residual consumed; undefined, and nothing consumed, where folding does not pay. */
  infer(link: ConvNorm, x: Tensor5D, after: AfterNorm): Tensor5D | undefined {
    if (!this.folded.has(link)) this.folded.set(link, this.fold(link, x.shape));
    return this.folded.get(link)?.run(x, after);
  }

  dispose(): void {
    for (const folded of this.folded.values()) folded?.dispose();
    this.folded.clear();
  }

  private fold({ conv, norm }: ConvNorm, input: Tensor5D["shape"]): FoldedConvNorm | undefined {
    const { gamma, beta, runningMean, runningVariance } = norm.state;
    const values = {
      gamma: gamma.value,
      beta: beta.value,
      mean: runningMean.value,
      variance: runningVariance.value,
      epsilon: batchNormEpsilon,
    };
    return this.ops.foldConvNorm?.(input, conv.weight.value, values, conv.geometry);
  }
}
