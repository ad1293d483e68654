/** What the operations of engines are tested on. */
import * as tf from "../../lib/tf.ts";
import { hashFilled } from "./hash_fill.ts";

/** In [−1, 1), the same for the same seed. */
export const numbers = (shape: readonly number[], seed: number) => hashFilled(shape, seed, 0, 2);

export const volumeOf = (values: ArrayLike<number>, shape: readonly number[]) =>
  tf.tensor5d(Float32Array.from(values), [...shape] as tf.Tensor5D["shape"]);
