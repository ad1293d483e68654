/** Gradient accumulation: the mean over micro-batches, handed on parameter by parameter as soon as it is complete. */
import type * as tf from "../tf.ts";
import type { GradientSink, Parameter } from "../nn/parameter.ts";

export class GradientMean {
  readonly #count: number;
  readonly #apply: GradientSink;
  readonly #sums = new Map<string, { sum: tf.Tensor; added: number }>();

  /** `apply` gets (and owns) each parameter's mean once `count` gradients of it have been added. */
  constructor(count: number, apply: GradientSink) {
    this.#count = count;
    this.#apply = apply;
  }

  /** Takes ownership of the gradient. With a count of 1 it is handed on untouched. */
  add(parameter: Parameter, gradient: tf.Tensor): void {
    const { sum, added } = this.#sums.get(parameter.name) ?? { sum: undefined, added: 0 };
    const total = sum === undefined ? gradient : sum.add(gradient);
    if (sum !== undefined) {
      sum.dispose();
      gradient.dispose();
    }
    if (added + 1 < this.#count) {
      this.#sums.set(parameter.name, { sum: total, added: added + 1 });
      return;
    }
    this.#sums.delete(parameter.name);
    if (this.#count === 1) return this.#apply(parameter, total);
    const mean = total.div(this.#count);
    total.dispose();
    this.#apply(parameter, mean);
  }

  /** Frees sums that were not completed. */
  dispose(): void {
    for (const { sum } of this.#sums.values()) sum.dispose();
    this.#sums.clear();
  }
}
