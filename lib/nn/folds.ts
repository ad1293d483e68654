/** Batch norms folded into the convolutions before them, for inference with weights that stay as they are. */
import type { EngineOps, FoldedConvNorm } from "../engine/types.ts";
import type { Tensor5D } from "../tf.ts";
import { type AfterNorm, batchNormEpsilon } from "./batch_norm.ts";
import type { ConvNorm } from "./conv_norm.ts";

interface Fold {
  /** Of the volumes that it was made for: whether and how a link is folded depends on it. */
  readonly size: string;
  readonly folded: FoldedConvNorm | undefined;
}

/** Folded filters of a network, made when they are first needed, and again for volumes of another size. */
export class Folds {
  private readonly folds = new Map<ConvNorm, Fold>();

  constructor(private readonly ops: EngineOps) {}

  /** The link's output, with x and the residual consumed; undefined, and nothing consumed, where folding does not pay. */
  infer(link: ConvNorm, x: Tensor5D, after: AfterNorm): Tensor5D | undefined {
    return this.foldFor(link, x.shape).folded?.run(x, after);
  }

  dispose(): void {
    for (const { folded } of this.folds.values()) folded?.dispose();
    this.folds.clear();
  }

  private foldFor(link: ConvNorm, input: Tensor5D["shape"]): Fold {
    const size = input.slice(1).join("x"), known = this.folds.get(link);
    if (known?.size === size) return known;
    known?.folded?.dispose();
    this.folds.delete(link);
    const made = { size, folded: this.fold(link, input) };
    this.folds.set(link, made);
    return made;
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
